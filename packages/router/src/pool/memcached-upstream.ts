import { MemcachedReplyScanner } from '../codec/memcached/reply-scanner.ts'
import { MEMCACHED_ADOPTION } from './caching/memcached-adoption.ts'
import { createMemcachedCopying } from './copies/memcached-copying.ts'
import { MEMCACHED_MOVING } from './moving/memcached-moving.ts'
import type { UpstreamProtocol } from './upstream-protocol.ts'

/** The text and meta protocol of memcached 1.6. */
export const MEMCACHED_UPSTREAM: UpstreamProtocol = {
  adoption: MEMCACHED_ADOPTION,
  createCopying: createMemcachedCopying,
  moving: MEMCACHED_MOVING,
  createReplyFinder: (limits) => new MemcachedReplyScanner(limits),
  isOutOfBand: () => false,
  probeLine: 'version\r\n',
  isNotReady: (line) => !line.startsWith('VERSION '),
  isIll: (reply, start, end) =>
    reply[start] === LETTER_S &&
    ILL.test(reply.toString('latin1', start, Math.min(end, start + SHOWN))),
  encodeError: (text) => Buffer.from(`SERVER_ERROR ${text}\r\n`),
}

const LETTER_S = 0x53
const SHOWN = 32
/** Errors of the server that are not about one value. */
const ILL = /^SERVER_ERROR (?!object too large|out of memory)/
