import { MemcachedReplyScanner } from '../codec/memcached/reply-scanner.ts'
import { LINE, MemcachedDecoder } from '../codec/memcached/request-decoder.ts'
import type { RouterLimits } from '../limits.ts'
import { placeOfKey, splitKeys } from '../plan/memcached/plan-memcached.ts'
import type { UpstreamProtocol } from './upstream-protocol.ts'

/** The text and meta protocol of memcached 1.6. */
export const MEMCACHED_UPSTREAM: UpstreamProtocol = {
  createReplyFinder: (limits) => new MemcachedReplyScanner(limits),
  isOutOfBand: () => false,
  probeLine: 'version\r\n',
  isNotReady: (line) => !line.startsWith('VERSION '),
  encodeError: (text) => Buffer.from(`SERVER_ERROR ${text}\r\n`),
  splitAgain: (_command, bytes, from, to, placement, ordinals, limits) => {
    const decoder = decoded(bytes, from, to, limits)
    if (decoder?.verb?.form !== 'keys') return undefined
    return splitKeys(decoder.frame, decoder.verb.keyAt, placement, ordinals)
  },
  placeOf: (_command, bytes, from, to, placement, limits) => {
    const decoder = decoded(bytes, from, to, limits)
    return decoder && placeOfKey(decoder, placement)
  },
}

function decoded(
  bytes: Buffer,
  from: number,
  to: number,
  limits: RouterLimits,
): MemcachedDecoder | undefined {
  const decoder = new MemcachedDecoder(limits)
  return decoder.next(bytes, from, to) === LINE.frame ? decoder : undefined
}
