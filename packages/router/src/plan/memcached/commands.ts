import type { MemcachedVerb } from '../../codec/memcached/verbs.ts'
import { MEMCACHED_VERBS } from '../../codec/memcached/verbs.ts'

/** Which replies a client that asked for silence does not want to see; errors are always shown but to `noreply`. */
export type Mute = 'all' | 'misses' | 'done'

/** How replies of several backends become one. */
export type MemcachedGather = 'values' | 'ok' | 'reset' | 'version' | 'stats'

/** What becomes of a command. */
export type MemcachedRun =
  /** The owner of its key answers. */
  | { readonly type: 'owner' }
  /** Keys may have different owners: one command per owner, values put back in the client's order. */
  | { readonly type: 'split' }
  /** Every backend answers. */
  | { readonly type: 'all'; readonly gather: MemcachedGather }
  /** The router answers with this line; an empty one closes the connection. */
  | { readonly type: 'here'; readonly line: string }

/** One row of the table of memcached commands. */
export interface MemcachedCommand {
  readonly name: string
  readonly access: 'read' | 'write' | 'none'
  /** `safe`: may be sent again after it may have run. */
  readonly retry: 'safe' | 'never'
  readonly run: MemcachedRun
  readonly mute?: Mute
}

const OWNER: MemcachedRun = { type: 'owner' }
const SPLIT: MemcachedRun = { type: 'split' }
const all = (gather: MemcachedGather): MemcachedRun => ({ type: 'all', gather })
const here = (line: string): MemcachedRun => ({ type: 'here', line })
const refused = (name: string) =>
  here(`CLIENT_ERROR ${name} is not passed on: send it to one server`)

type Row = Pick<MemcachedCommand, 'access' | 'retry' | 'run'>
const WRITE: Row = { access: 'write', retry: 'never', run: OWNER }

/** What the router does with each command; `docs/memcached.md` is the same in words. */
const ROWS: Readonly<Record<string, Row>> = {
  get: { access: 'read', retry: 'safe', run: SPLIT },
  gets: { access: 'read', retry: 'safe', run: SPLIT },
  // Setting the same expiry twice is setting it once.
  gat: { access: 'write', retry: 'safe', run: SPLIT },
  gats: { access: 'write', retry: 'safe', run: SPLIT },
  set: WRITE,
  add: WRITE,
  replace: WRITE,
  append: WRITE,
  prepend: WRITE,
  cas: WRITE,
  incr: WRITE,
  decr: WRITE,
  touch: WRITE,
  delete: WRITE,
  // `mg` can change an item (N, R, T, E): asked again it may answer otherwise, and loses nothing.
  mg: { access: 'read', retry: 'safe', run: OWNER },
  me: { access: 'read', retry: 'safe', run: OWNER },
  ms: WRITE,
  md: WRITE,
  ma: WRITE,
  mn: { access: 'none', retry: 'safe', run: here('MN') },
  flush_all: { access: 'write', retry: 'never', run: all('ok') },
  verbosity: { access: 'none', retry: 'safe', run: all('ok') },
  version: { access: 'none', retry: 'safe', run: all('version') },
  stats: { access: 'none', retry: 'safe', run: all('stats') },
  quit: { access: 'none', retry: 'never', run: here('') },
  shutdown: { access: 'none', retry: 'never', run: here('ERROR: shutdown not enabled') },
  watch: { access: 'none', retry: 'never', run: here('CLIENT_ERROR watch commands not allowed') },
  slabs: { access: 'none', retry: 'never', run: refused('slabs') },
  lru: { access: 'none', retry: 'never', run: refused('lru') },
  lru_crawler: { access: 'none', retry: 'never', run: refused('lru_crawler') },
  cache_memlimit: { access: 'none', retry: 'never', run: refused('cache_memlimit') },
  refresh_certs: { access: 'none', retry: 'never', run: refused('refresh_certs') },
}

/** Which replies the quiet flag hides (proto_parser.c: what sets `resp->skip`). */
const QUIET: Readonly<Record<string, Mute>> = { mg: 'misses', ms: 'done', md: 'done', ma: 'done' }

interface Rows {
  readonly loud: MemcachedCommand
  readonly muted: MemcachedCommand
}

const BY_VERB = new Map<MemcachedVerb, Rows>(
  MEMCACHED_VERBS.map((verb) => {
    const row = ROWS[verb.name]
    if (row === undefined) throw new Error(`the table has no row for ${verb.name}`)
    const loud = { name: verb.name, ...row }
    return [verb, { loud, muted: { ...loud, mute: QUIET[verb.name] ?? 'all' } }]
  }),
)

/** The row of a command. O(1). */
export function memcachedCommand(verb: MemcachedVerb, muted: boolean): MemcachedCommand {
  const rows = BY_VERB.get(verb) as Rows
  return muted ? rows.muted : rows.loud
}

/** The row of a command that only reads by its name, but changes an item by its flags. */
export function changing(command: MemcachedCommand): MemcachedCommand {
  return command.mute === undefined ? CHANGING_MG.loud : CHANGING_MG.muted
}

const CHANGING_MG = {
  loud: { name: 'mg', ...ROWS['mg'], access: 'write' },
  muted: { name: 'mg', ...ROWS['mg'], access: 'write', mute: 'misses' },
} as Rows

/** All rows, for documentation. */
export const MEMCACHED_COMMANDS: readonly MemcachedCommand[] = Array.from(
  BY_VERB.values(),
  ({ loud }) => loud,
)

const HD = 0x4844
const EN = 0x454e
const VA = 0x5641

/** True when the client does not want to see this reply. */
export function isMuted(mute: Mute, bytes: Uint8Array, start: number): boolean {
  if (mute === 'all') return true
  const code = ((bytes[start] as number) << 8) | (bytes[start + 1] as number)
  const third = bytes[start + 2]
  // A code ends with a space or the line: `HDR` or an error line is none.
  if (third !== 0x20 && third !== 0x0d) return false
  return mute === 'misses' ? code === EN : code === HD || code === VA
}
