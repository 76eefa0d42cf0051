// The hashes that other programs give their users to choose from, under the names of their configuration files.

import { crc32Middle, crc32OfBytes } from './crc32.ts'
import { fnv1aOf32, fnv1aOf64, fnv1Of32, fnv1Of64 } from './fnv.ts'
import { djb2, sdbm, wt6 } from './haproxy.ts'
import { hsieh } from './hsieh.ts'
import { lookup3 } from './lookup3.ts'
import { md5Word } from './md5.ts'
import { murmur2 } from './murmur2.ts'
import { murmur64Into } from './murmur64.ts'
import { oneAtATime } from './one-at-a-time.ts'
import { wideCrc16 } from './wide-crc16.ts'
import { xxh64Into } from './xxh64.ts'

/** A hash of `bytes[start, end)`: 32 bits, signed. */
export type HashBytes = (bytes: Uint8Array, start: number, end: number) => number

/** A hash of `bytes[start, end)` that leaves 64 bits in `hash64`. */
export type HashBytesWide = (bytes: Uint8Array, start: number, end: number) => void

/** twemproxy's `hash:`, all twelve. */
export const TWEMPROXY_HASHES = {
  one_at_a_time: oneAtATime,
  md5: md5Word,
  crc16: wideCrc16,
  crc32: crc32Middle,
  crc32a: crc32OfBytes,
  fnv1_64: fnv1Of64,
  fnv1a_64: fnv1aOf64,
  fnv1_32: fnv1Of32,
  fnv1a_32: fnv1aOf32,
  hsieh,
  murmur: murmur2,
  jenkins: lookup3,
} as const satisfies Record<string, HashBytes>

/** libmemcached's `--HASH`; Debian's build has no hsieh, and answers 0 for it. `crc` is twemproxy's `crc32`. */
export const LIBMEMCACHED_HASHES = {
  one_at_a_time: oneAtATime,
  md5: md5Word,
  crc: crc32Middle,
  fnv1_64: fnv1Of64,
  fnv1a_64: fnv1aOf64,
  fnv1_32: fnv1Of32,
  fnv1a_32: fnv1aOf32,
  murmur: murmur2,
  jenkins: lookup3,
} as const satisfies Record<string, HashBytes>

/** The functions of HAProxy's `hash-type`. */
export const HAPROXY_HASHES = {
  sdbm,
  djb2,
  wt6,
  crc32: crc32OfBytes,
} as const satisfies Record<string, HashBytes>

/** Murmur2's seed in libstdc++, which Envoy takes over. */
const LIBSTDCXX_SEED = 0xc70f6907 | 0

/** Envoy's: `xxh64` for HTTP hash policies, `murmur2` for the keys of redis_proxy; both also make ring points. */
export const ENVOY_HASHES = {
  xxh64: (bytes, start, end) => xxh64Into(bytes, start, end, 0),
  murmur2: (bytes, start, end) => murmur64Into(bytes, start, end, LIBSTDCXX_SEED),
} as const satisfies Record<string, HashBytesWide>
