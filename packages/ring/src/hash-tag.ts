// The rule of Redis Cluster: if a key has a `{`, and a `}` somewhere after it, and at least one byte between the first
// `{` and the first `}` after it, then only those bytes are hashed, so that related keys share an owner.

const OPEN = 0x7b
const CLOSE = 0x7d

/** Where the hash tag of a key begins, or -1 when the whole key is hashed. */
export function tagStart(key: string | Uint8Array): number {
  if (typeof key === 'string') {
    const open = key.indexOf('{')
    return open === -1 || key.indexOf('}', open + 1) <= open + 1 ? -1 : open + 1
  }
  const open = byteIndex(key, OPEN, 0)
  return open === -1 || byteIndex(key, CLOSE, open + 1) <= open + 1 ? -1 : open + 1
}

/** Where the hash tag that begins at `start` ends (exclusive). */
export function tagEnd(key: string | Uint8Array, start: number): number {
  return typeof key === 'string' ? key.indexOf('}', start) : byteIndex(key, CLOSE, start)
}

// Not `key.indexOf`: a Buffer overrides it with a slower native call.
function byteIndex(bytes: Uint8Array, byte: number, from: number): number {
  for (let at = from; at < bytes.length; at++) if (bytes[at] === byte) return at
  return -1
}

/**
 * The part of a key that is hashed: the text between the first `{` and the first `}` after it if there is any, else the
 * whole key. Bytes give a view of the same memory. O(length).
 */
export function hashTag(key: string): string
export function hashTag(key: Uint8Array): Uint8Array
export function hashTag(key: string | Uint8Array): string | Uint8Array {
  const start = tagStart(key)
  if (start === -1) return key
  const end = tagEnd(key, start)
  return typeof key === 'string' ? key.slice(start, end) : key.subarray(start, end)
}
