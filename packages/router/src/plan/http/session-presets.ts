import type { Sticky } from './stickiness.ts'

/** How the sessions of a well-known kind of application are found and kept; a route's own `key` and `sticky` win. */
export interface SessionPreset {
  /** As `parseSessionSource` reads them. */
  readonly key: readonly string[]
  readonly sticky: Sticky
}

/**
 * - `socket.io`: the server names the session in its first answer and the client sends it as `sid` from then on. Learned,
 *   because clients outside browsers have no cookies.
 * - `yjs`: y-websocket dials `/ROOM`, and everybody in a room must meet: by hash, since the client knows the room first.
 * - `hocuspocus`: as `yjs`; its provider names the document inside the connection, so give it a URL with the name, as
 *   `?document=NAME` or as path.
 * - `nextjs`: caches and in-memory sessions of one server, for browsers: a cookie of ours.
 * - `express-session`: as `nextjs`; first requests without our cookie meet by the application's own.
 */
export const SESSION_PRESETS = {
  'socket.io': { key: ['query:sid'], sticky: 'learned' },
  yjs: { key: ['path:/:room+'], sticky: 'hash' },
  hocuspocus: { key: ['query:document', 'path:/:document+'], sticky: 'hash' },
  nextjs: { key: ['ip'], sticky: 'pinned' },
  'express-session': { key: ['cookie:connect.sid', 'ip'], sticky: 'pinned' },
} as const satisfies Record<string, SessionPreset>

/** A name of {@link SESSION_PRESETS}. */
export type SessionPresetName = keyof typeof SESSION_PRESETS
