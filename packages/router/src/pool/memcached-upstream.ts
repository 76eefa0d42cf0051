import { MemcachedReplyScanner } from '../codec/memcached/reply-scanner.ts'
import { MEMCACHED_ADOPTION } from './caching/memcached-adoption.ts'
import { createMemcachedCopying } from './copies/memcached-copying.ts'
import type { UpstreamProtocol } from './upstream-protocol.ts'

/** The text and meta protocol of memcached 1.6. */
export const MEMCACHED_UPSTREAM: UpstreamProtocol = {
  adoption: MEMCACHED_ADOPTION,
  createCopying: createMemcachedCopying,
  createReplyFinder: (limits) => new MemcachedReplyScanner(limits),
  isOutOfBand: () => false,
  probeLine: 'version\r\n',
  isNotReady: (line) => !line.startsWith('VERSION '),
  encodeError: (text) => Buffer.from(`SERVER_ERROR ${text}\r\n`),
}
