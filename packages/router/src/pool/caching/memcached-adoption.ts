import { LINE, MemcachedDecoder } from '../../codec/memcached/request-decoder.ts'
import type { RouterLimits } from '../../limits.ts'
import { capExpiry } from '../../plan/memcached/cap-expiry.ts'
import { gatherMemcached } from '../../plan/memcached/gather-memcached.ts'
import { placeOfKey, splitKeys } from '../../plan/memcached/plan-memcached.ts'
import type { Adoption } from './adoption.ts'

/** Memcached: keys are split anew; the expiry is a word of the command. */
export const MEMCACHED_ADOPTION: Adoption = {
  adopt: (_command, bytes, placement, limits) => {
    const decoder = decoded(bytes, limits)
    if (decoder?.verb === undefined) return undefined
    const { frame, verb } = decoder
    const { keyAt } = verb
    if (verb.form !== 'keys' || frame.argc <= keyAt + 1)
      return { type: 'place', position: placeOfKey(decoder, placement) ?? 0 }
    const keys = Array.from({ length: frame.argc - keyAt }, (_, i) => frame.arg(keyAt + i))
    const parts = splitKeys(frame, keyAt, placement)
    return {
      type: 'split',
      gather: (replies) => gatherMemcached('values', replies, keys),
      keyCount: keys.length,
      parts,
    }
  },
  capExpiry: (_command, bytes, ttlMs, nowMs, limits) => {
    const decoder = decoded(bytes, limits)
    const seconds = Math.max(1, Math.floor(ttlMs / MS_PER_SECOND))
    const capped =
      decoder === undefined
        ? undefined
        : capExpiry(decoder, seconds, Math.floor(nowMs / MS_PER_SECOND))
    return { bytes: capped ?? bytes, followers: [] }
  },
}

const MS_PER_SECOND = 1_000

function decoded(bytes: Buffer, limits: RouterLimits): MemcachedDecoder | undefined {
  const decoder = new MemcachedDecoder(limits)
  return decoder.next(bytes, 0, bytes.length) === LINE.frame ? decoder : undefined
}
