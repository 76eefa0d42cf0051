/** Longer keys are hashed where they are; a view costs little beside their hash. */
const COPIED_BYTES_MAX = 64

/** One buffer per length, so that a key's length is its buffer's. */
const copies: Buffer[] = Array.from({ length: COPIED_BYTES_MAX + 1 }, (_, length) =>
  Buffer.allocUnsafeSlow(length),
)

/**
 * The bytes `[from, to)` as an array of their own, to be hashed at once: it is valid until the next call. Copying a short
 * key is cheaper than making a view of it, and leaves no garbage.
 */
export function keyView(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const copy = copies[to - from]
  if (copy === undefined) return bytes.subarray(from, to)
  for (let i = 0, at = from; at < to; i++, at++) copy[i] = bytes[at] as number
  return copy
}
