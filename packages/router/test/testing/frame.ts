import { encodeCommand } from '../../src/codec/resp/encode.ts'
import { DECODED, RequestDecoder } from '../../src/codec/resp/request-decoder.ts'
import type { RequestFrame } from '../../src/codec/resp/request-frame.ts'
import { DEFAULT_LIMITS } from '../../src/limits.ts'

/** A command as the planner gets it. */
export function frameOf(...args: string[]): RequestFrame {
  const decoder = new RequestDecoder(DEFAULT_LIMITS)
  const bytes = encodeCommand(args.map((arg) => Buffer.from(arg)))
  if (decoder.next(bytes, 0, bytes.length) !== DECODED.frame) throw new Error('not a command')
  return decoder.frame
}
