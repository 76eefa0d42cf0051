/** How the line of a command is read. Positions count the name as 0. */
export type MemcachedForm =
  /** `get <key>*`, `gat <exptime> <key>*` */
  | 'keys'
  /** `set <key> <flags> <exptime> <bytes> [noreply]`, a data block */
  | 'storage'
  /** `delete <key> [noreply]`: one key, then arguments that the server checks */
  | 'key'
  /** `mg <key> <flag>*` */
  | 'meta'
  /** `ms <key> <datalen> <flag>*`, a data block */
  | 'meta-storage'
  /** No key. */
  | 'bare'

/** The grammar of one command of memcached's text protocol. */
export interface MemcachedVerb {
  readonly name: string
  readonly form: MemcachedForm
  /** Fewest words, the name included; fewer are answered with `ERROR`. */
  readonly wordsMin: number
  /** Most words without `noreply`; more are answered with `ERROR`. */
  readonly wordsMax: number
  /** The word that is the (first) key; 0 for none. */
  readonly keyAt: number
  /** The word that says how long the data block is; 0 for none. */
  readonly lengthAt: number
  /** True when a last word `noreply` asks for silence. */
  readonly noreply: boolean
}

/** Meta commands carry at most this many words (memcached's MFLAG_MAX_OPT_LENGTH). */
export const META_WORDS_MAX = 20

const MANY = Number.MAX_SAFE_INTEGER

/**
 * Every command that has a line of its own in memcached 1.6's doc/protocol.txt. What the router does with each is in
 * plan/memcached/commands.ts.
 */
export const MEMCACHED_VERBS: readonly MemcachedVerb[] = [
  verb('get', 'keys', [2, MANY], 1),
  verb('gets', 'keys', [2, MANY], 1),
  verb('gat', 'keys', [3, MANY], 2),
  verb('gats', 'keys', [3, MANY], 2),
  ...['set', 'add', 'replace', 'append', 'prepend'].map((name) =>
    verb(name, 'storage', [5, 5], 1, 4),
  ),
  verb('cas', 'storage', [6, 6], 1, 4),
  verb('incr', 'key', [3, 3], 1),
  verb('decr', 'key', [3, 3], 1),
  verb('touch', 'key', [3, 3], 1),
  // Old clients send a time of 0 behind the key.
  verb('delete', 'key', [2, 3], 1),
  verb('mg', 'meta', [2, META_WORDS_MAX], 1),
  verb('md', 'meta', [2, META_WORDS_MAX], 1),
  verb('ma', 'meta', [2, META_WORDS_MAX], 1),
  verb('me', 'meta', [2, META_WORDS_MAX], 1),
  verb('ms', 'meta-storage', [3, META_WORDS_MAX], 1, 2),
  verb('mn', 'bare', [1, MANY], 0),
  verb('flush_all', 'bare', [1, 2], 0),
  verb('verbosity', 'bare', [1, 3], 0),
  verb('stats', 'bare', [1, MANY], 0),
  verb('version', 'bare', [1, MANY], 0),
  verb('quit', 'bare', [1, MANY], 0),
  ...['shutdown', 'watch', 'slabs', 'lru', 'lru_crawler', 'cache_memlimit', 'refresh_certs'].map(
    (name) => verb(name, 'bare', [1, MANY], 0),
  ),
]

function verb(
  name: string,
  form: MemcachedForm,
  [wordsMin, wordsMax]: readonly [number, number],
  keyAt: number,
  lengthAt = 0,
): MemcachedVerb {
  const noreply =
    form === 'storage' || form === 'key' || name === 'flush_all' || name === 'verbosity'
  return { name, form, wordsMin, wordsMax, keyAt, lengthAt, noreply }
}

const NAME_BYTES_MAX = Math.max(...MEMCACHED_VERBS.map(({ name }) => name.length))
const FACTOR = 31
const BY_HASH = new Map<number, MemcachedVerb>()
for (const each of MEMCACHED_VERBS) {
  let hash = 0
  for (let i = 0; i < each.name.length; i++)
    hash = (Math.imul(hash, FACTOR) + each.name.charCodeAt(i)) | 0
  // A name that hashes like another would be found in its place.
  if (BY_HASH.has(hash)) throw new Error(`the hash of ${each.name} is not its own`)
  BY_HASH.set(hash, each)
}

/** The command named by `bytes[from, to)`; names are lower case. O(length), no allocation. */
export function findMemcachedVerb(
  bytes: Uint8Array,
  from: number,
  to: number,
): MemcachedVerb | undefined {
  if (to - from > NAME_BYTES_MAX) return undefined
  let hash = 0
  for (let at = from; at < to; at++) hash = (Math.imul(hash, FACTOR) + (bytes[at] as number)) | 0
  const found = BY_HASH.get(hash)
  if (found === undefined || found.name.length !== to - from) return undefined
  for (let i = 0; i < found.name.length; i++)
    if (bytes[from + i] !== found.name.charCodeAt(i)) return undefined
  return found
}
