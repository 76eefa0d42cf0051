import { WireError } from './errors.ts'
import { COMPRESSED_BYTES_MAX } from './limits.ts'
import { deflate, inflate } from './lzw.ts'
import { encodeRecord, MESSAGE_TYPE } from './message-codec.ts'
import { readRecord, record } from './record.ts'

const LZW = 0
const COMPRESSED = record({
  Algo: { kind: 'uint', max: 255 },
  Buf: { kind: 'bytes', max: COMPRESSED_BYTES_MAX },
})

/** A compressed command or stream message, type byte included. */
export function compress(plain: Uint8Array): Uint8Array {
  return encodeRecord(MESSAGE_TYPE.compress, COMPRESSED, { Algo: LZW, Buf: deflate(plain) })
}

/** The shorter of `plain` and its compressed form: expanding by compression would only cost both sides. */
export function compressIfSmaller(plain: Uint8Array): Uint8Array {
  const packed = compress(plain)
  return packed.length < plain.length ? packed : plain
}

/**
 * Expands the compressed message whose map lies in `bytes[from, end)`, behind the type byte.
 * @throws WireError WIRE_COMPRESSION for another algorithm, broken or empty data; WIRE_LENGTH_EXCEEDED
 */
export function decompress(
  bytes: Uint8Array,
  from: number,
  end: number,
  inflatedBytesMax: number,
): Uint8Array {
  const { Algo, Buf } = readRecord(COMPRESSED, bytes, from, end)
  if (Algo !== LZW) throw new WireError('WIRE_COMPRESSION', { algorithm: Algo })
  const plain = inflate(Buf, inflatedBytesMax)
  if (plain.length === 0) throw new WireError('WIRE_COMPRESSION', { why: 'nothing inside' })
  return plain
}
