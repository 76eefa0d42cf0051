// Bob Jenkins' one-at-a-time hash as libmemcached (its default) and twemproxy have it: `char` is signed there.

/** The hash of `bytes[start, end)`, signed. O(length), no allocation. */
export function oneAtATime(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0
  for (let at = start; at < end; at++) {
    hash = (hash + (((bytes[at] as number) << 24) >> 24)) | 0
    hash = (hash + (hash << 10)) | 0
    hash ^= hash >>> 6
  }
  hash = (hash + (hash << 3)) | 0
  hash ^= hash >>> 11
  return (hash + (hash << 15)) | 0
}
