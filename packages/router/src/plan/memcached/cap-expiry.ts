import type { MemcachedDecoder } from '../../codec/memcached/request-decoder.ts'
import { META_WORDS_MAX } from '../../codec/memcached/verbs.ts'
import { flagAt } from '../../codec/memcached/words.ts'
import { encodeLine } from './plan-memcached.ts'

/** From here on an expiry is a time, in seconds since 1970 (memcached's REALTIME_MAXDELTA). */
const RELATIVE_MAX = 60 * 60 * 24 * 30

/** Where the classic commands that set an expiry have it. */
const EXPIRY_AT: Readonly<Record<string, number>> = {
  set: 3,
  add: 3,
  replace: 3,
  cas: 3,
  touch: 2,
  gat: 1,
  gats: 1,
}

/** Flags of meta commands that set an expiry: `N` of an item that is made, `T` of one that is there. */
const EXPIRY_FLAGS: Readonly<Record<string, string>> = { mg: 'NT', ma: 'NT', ms: 'T' }

/**
 * The command that `decoder` holds, such that nothing lives longer than `seconds`; undefined where it sets no expiry or none
 * above that. Pure. O(bytes).
 * @param nowSeconds since 1970
 */
export function capExpiry(
  decoder: MemcachedDecoder,
  seconds: number,
  nowSeconds: number,
): Buffer | undefined {
  const { frame, verb } = decoder
  if (verb === undefined) return undefined
  const at = EXPIRY_AT[verb.name]
  const words: Uint8Array[] = Array.from({ length: frame.argc }, (_, word) => frame.arg(word))
  const changed =
    at === undefined
      ? capFlags(words, verb.name, flagsIn(decoder), seconds, nowSeconds)
      : capWord(words, at, '', seconds, nowSeconds)
  if (!changed) return undefined
  return Buffer.concat([encodeLine(words), frame.bytes.subarray(decoder.dataStart, frame.end)])
}

function flagsIn({ frame, verb }: MemcachedDecoder): readonly { at: number; flag: string }[] {
  const first = verb?.form === 'meta-storage' ? 3 : 2
  const flags: { at: number; flag: string }[] = []
  for (let at = first; at < frame.argc; at++)
    flags.push({ at, flag: String.fromCharCode(flagAt(frame, at)) })
  return flags
}

function capFlags(
  words: Uint8Array[],
  name: string,
  flags: readonly { at: number; flag: string }[],
  seconds: number,
  nowSeconds: number,
): boolean {
  const wanted = EXPIRY_FLAGS[name] ?? ''
  let changed = false
  for (const { at, flag } of flags)
    if (wanted.includes(flag)) changed = capWord(words, at, flag, seconds, nowSeconds) || changed
  // Without the flag an item that is stored lives for ever.
  if (name !== 'ms' || flags.some(({ flag }) => flag === 'T') || words.length >= META_WORDS_MAX)
    return changed
  words.push(Buffer.from(`T${seconds}`))
  return true
}

function capWord(
  words: Uint8Array[],
  at: number,
  flag: string,
  seconds: number,
  nowSeconds: number,
): boolean {
  const text = Buffer.from(words[at] ?? []).toString('latin1', flag.length)
  // What is no number is refused by the server.
  if (!/^-?\d{1,10}$/.test(text)) return false
  const asked = Number(text)
  const left = asked > RELATIVE_MAX ? asked - nowSeconds : asked
  // Below 0 an item is over at once; 0 is for ever.
  if (asked < 0 || (asked !== 0 && left <= seconds)) return false
  words[at] = Buffer.from(`${flag}${seconds}`)
  return true
}
