import fc from 'fast-check'
import { createBodyPacker } from '../../src/wire/body.ts'
import {
  encodeFailure,
  encodeGoodbye,
  encodeMessage,
  encodePing,
  encodePong,
  encodeReply,
  encodeRequest,
  type Frame,
} from '../../src/wire/frame.ts'
import { FrameDecoder } from '../../src/wire/frame-decoder.ts'
import { FRAME_BYTES_MAX } from '../../src/wire/limits.ts'

export const pack = createBodyPacker((bytes) => Buffer.allocUnsafeSlow(bytes))

/** Values that msgpack carries as they are. */
export const messageValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    // A negative zero travels as an integer, and integers have no sign of zero.
    fc.double({ noNaN: true }).filter((number) => !Object.is(number, -0)),
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ maxLength: 300 }),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(
      fc.string().filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 20, noNullPrototype: true },
    ),
  ),
})).value

const u32 = fc.nat(0xffff_ffff)

/** Bytes of one right frame after the hello. */
export const frameBytes = fc.oneof(
  messageValue.map((value) => encodeMessage(pack, value)),
  fc.tuple(u32, u32, messageValue).map(([id, ms, value]) => encodeRequest(pack, id, ms, value)),
  fc.tuple(u32, messageValue).map(([id, value]) => encodeReply(pack, id, value)),
  fc.tuple(u32, fc.string(), fc.string()).map(([id, code, text]) => encodeFailure(id, code, text)),
  u32.map(encodePing),
  u32.map(encodePong),
  fc.string().map(encodeGoodbye),
)

export const concat = (parts: readonly Uint8Array[]): Uint8Array =>
  Uint8Array.from(Buffer.concat(parts))

/** Cuts `bytes` at the given positions, modulo its length. */
export const cutAt = (bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] => {
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end))
}

export const decodeAll = (
  chunks: readonly Uint8Array[],
  frameBytesMax = FRAME_BYTES_MAX,
): Frame[] => {
  const decoder = new FrameDecoder(frameBytesMax)
  const frames: Frame[] = []
  for (const chunk of chunks) {
    decoder.push(chunk)
    for (let frame = decoder.next(); frame !== undefined; frame = decoder.next()) frames.push(frame)
  }
  return frames
}
