import { equalsIgnoringCase, equalsText, indexOfByte } from './byte-text.ts'
import { SESSION_KEY_BYTES_MAX } from './session-key.ts'
import type { SessionSource } from './session-source.ts'

const EQUALS = 0x3d
const SEMICOLON = 0x3b
const QUOTE = 0x22

/**
 * Sessions that were read from responses, kept for all routers. The embedding program implements it over its store. Both end
 * by calling `done` exactly once, late or at once; a store that cannot be asked in time is a session that is not known.
 */
export interface LearnedSessions {
  /** The backend of a session, and lengthens its life. */
  get(pool: string, session: string, done: (backend: string | undefined) => void): void
  /** Binds a session. `done` is called when other routers see it: then the response may go to the client. */
  put(pool: string, session: string, backend: string, done: () => void): void
}

/** What to watch in responses: follows from where requests carry the id. */
export type SessionIdPlace =
  | { readonly type: 'set-cookie'; readonly name: string }
  | { readonly type: 'header'; readonly name: string }
  /** The handshake in the body of Engine.IO's first answer. */
  | { readonly type: 'engine.io' }

/** A response head, as far as learning reads it. */
export interface HttpResponseView {
  readonly bytes: Uint8Array
  readonly headerCount: number
  /** Four offsets per header: name from, name to, value from, value to. */
  readonly headers: { readonly [index: number]: number }
}

/** Where the response names the id that a source finds in requests; undefined for sources that no response names. */
export function sessionIdPlace(source: SessionSource): SessionIdPlace | undefined {
  switch (source.type) {
    case 'cookie':
      return { type: 'set-cookie', name: source.name }
    case 'header':
      return { type: 'header', name: source.name }
    case 'query':
      // Engine.IO's name for it; other parameters come from links in pages, which are not read.
      return source.name === 'sid' ? { type: 'engine.io' } : undefined
    case 'path':
    case 'host':
    case 'ip':
      return undefined
  }
}

/** The session id that a response names in its head, as latin1 text; undefined when it names none, or ends the session. */
export function learnFromHead(
  response: HttpResponseView,
  places: readonly SessionIdPlace[],
): string | undefined {
  for (const place of places) {
    if (place.type === 'engine.io') continue
    const header = place.type === 'set-cookie' ? 'set-cookie' : place.name
    const id = idInHeaders(response, header, place)
    if (id !== undefined) return id
  }
  return undefined
}

function idInHeaders(
  response: HttpResponseView,
  header: string,
  place: SessionIdPlace,
): string | undefined {
  const { bytes, headers, headerCount } = response
  let found: string | undefined
  for (let i = 0; i < headerCount; i++) {
    const at = 4 * i
    if (!equalsIgnoringCase(bytes, headers[at] ?? 0, headers[at + 1] ?? 0, header)) continue
    const from = headers[at + 2] ?? 0
    const to = headers[at + 3] ?? 0
    // A browser keeps the last cookie of a name.
    if (place.type === 'set-cookie') found = cookieValue(bytes, from, to, place.name) ?? found
    else found ??= text(bytes, from, to)
  }
  return found
}

function cookieValue(
  bytes: Uint8Array,
  from: number,
  to: number,
  name: string,
): string | undefined {
  const end = indexOfByte(bytes, SEMICOLON, from, to)
  const equals = indexOfByte(bytes, EQUALS, from, end)
  if (equals === end || !equalsText(bytes, from, equals, name)) return undefined
  const quoted = end - equals > 2 && bytes[equals + 1] === QUOTE && bytes[end - 1] === QUOTE
  return quoted ? text(bytes, equals + 2, end - 1) : text(bytes, equals + 1, end)
}

function text(bytes: Uint8Array, from: number, to: number): string | undefined {
  if (to <= from || to - from > SESSION_KEY_BYTES_MAX) return undefined
  let characters = ''
  for (let at = from; at < to; at++) characters += String.fromCharCode(bytes[at] as number)
  return characters
}

/** Bytes of an answer in which Engine.IO's handshake is looked for. */
export const ENGINE_IO_BYTES_MAX = 512
/** `0{"sid":"…"`: the open packet, plain as protocol 4 has it, or after the length that protocol 3 puts before it. */
const ENGINE_IO_OPEN = /^(?:\d{1,4}:)?0\{"sid":"([A-Za-z0-9_-]{1,128})"/

/** The `sid` in the beginning of a body that may be Engine.IO's first answer (not compressed). */
export function learnFromEngineIo(body: Uint8Array): string | undefined {
  const beginning = text(body, 0, Math.min(body.length, ENGINE_IO_BYTES_MAX))
  return beginning === undefined ? undefined : ENGINE_IO_OPEN.exec(beginning)?.[1]
}
