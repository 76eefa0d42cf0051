/**
 * A copy of `bytes[from, to)` with memory of its own. Not `slice`: on a Node `Buffer` that is a view,
 * and a view would pin (and change with) the buffer of a whole datagram.
 */
export function copyBytes(bytes: Uint8Array, from = 0, to = bytes.length): Uint8Array {
  const copy = new Uint8Array(to - from)
  copy.set(bytes.subarray(from, to))
  return copy
}
