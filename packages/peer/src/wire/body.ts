import { Packr, RESERVE_START_SPACE, Unpackr } from 'msgpackr'
import { scanBody } from './body-scan.ts'
import { FRAME_BYTES_MAX } from './limits.ts'
import { PeerError } from './peer-error.ts'

const OPTIONS = { useRecords: false, moreTypes: false } as const
const unpackr = new Unpackr(OPTIONS)

/** msgpackr packs into one shared block and keeps it at the size of the largest message; above this it gets a fresh one. */
const SCRATCH_BYTES_MAX = 64 * 1024
const SCRATCH_BYTES = 8 * 1024

/**
 * Packs a value behind `reserved` free bytes (at most 255) for the frame header: one buffer, no second copy. The bytes stay
 * valid: the packer never writes over what it has returned.
 *
 * Throws PeerError `MESSAGE_INVALID` when msgpack cannot carry the value or it breaks a rule of `scanBody`, and
 * `MESSAGE_TOO_LARGE`. O(size of the value).
 */
export type BodyPacker = (value: unknown, reserved: number) => Uint8Array

/** `allocate` gives msgpackr its block after a large message; msgpackr wants the platform's own buffer class. */
export const createBodyPacker = (allocate: (bytes: number) => Uint8Array): BodyPacker => {
  const packr = new Packr({ ...OPTIONS })
  return (value, reserved) => {
    let bytes: Uint8Array
    try {
      bytes = packr.pack(value, RESERVE_START_SPACE + reserved)
    } catch (cause) {
      // Also the stack overflow of a cyclic value.
      throw new PeerError('MESSAGE_INVALID', undefined, { fault: String(cause) }, { cause })
    }
    if (bytes.length > SCRATCH_BYTES_MAX) packr.useBuffer(allocate(SCRATCH_BYTES))
    if (bytes.length > FRAME_BYTES_MAX)
      throw new PeerError('MESSAGE_TOO_LARGE', undefined, {
        bytes: bytes.length,
        bytesMax: FRAME_BYTES_MAX,
      })
    // The peer would close the link over it: better that the sender of this one message hears of it.
    const fault = scanBody(bytes, reserved)
    if (fault !== undefined)
      throw new PeerError('MESSAGE_INVALID', `the message cannot be sent: ${fault}`, { fault })
    return bytes
  }
}

/**
 * The value in `bytes`. Byte strings in it are views of `bytes`, not copies: keep a copy of what outlives the handler.
 * @throws PeerError `FRAME_INVALID`, and nothing else, whatever the bytes are.
 */
export const unpackBody = (bytes: Uint8Array): unknown => {
  const fault = scanBody(bytes, 0)
  if (fault !== undefined)
    throw new PeerError('FRAME_INVALID', `the peer sent a message that is ${fault}`, { fault })
  try {
    return unpackr.unpack(bytes)
  } catch (cause) {
    throw new PeerError('FRAME_INVALID', undefined, { fault: String(cause) }, { cause })
  }
}
