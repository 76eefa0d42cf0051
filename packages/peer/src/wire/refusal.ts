import { readU16, writeU16 } from './byte-order.ts'
import { encodeFrame, FRAME_KINDS } from './frame.ts'
import { decodeInstance, encodeInstance } from './instance.ts'
import { CODE_BYTES_MAX, INSTANCE_LENGTH, REASON_BYTES_MAX } from './limits.ts'
import { PeerError } from './peer-error.ts'
import { decodeLenient, encodeCut } from './text.ts'

/** Why a hello is refused: closed list of this release; a later one may send others, so a received code is a string. */
export const REFUSALS = {
  WRONG_CLUSTER: 'the member belongs to another cluster',
  UNSUPPORTED_PROTOCOL: 'the two releases have no protocol version in common',
  WRONG_NAME: 'another member answers at this address',
  WRONG_INSTANCE: 'the member was restarted; the refusal carries its instance of now',
  SELF: 'a node reached itself',
  NAME_TAKEN: 'two running processes use one member name',
  ALREADY_DIALING: 'the other side is setting up this link itself',
  BUSY: 'the member has as many links as it may have',
} as const

/** A key of {@link REFUSALS}. */
export type RefusalCode = keyof typeof REFUSALS

/** The answer to a hello that is not accepted. `instance` is the refusing member's own. */
export interface Refusal {
  readonly code: string
  readonly reason: string
  readonly instance: string
}

/** u8 length, code │ u16 length, reason │ 8 bytes instance. Code and reason are cut to their limits. */
export const encodeRefusal = (refusal: Refusal): Uint8Array => {
  const code = encodeCut(refusal.code, CODE_BYTES_MAX)
  const reason = encodeCut(refusal.reason, REASON_BYTES_MAX)
  const payload = new Uint8Array(3 + code.length + reason.length + INSTANCE_LENGTH / 2)
  payload[0] = code.length
  payload.set(code, 1)
  writeU16(payload, 1 + code.length, reason.length)
  payload.set(reason, 3 + code.length)
  payload.set(encodeInstance(refusal.instance), 3 + code.length + reason.length)
  return encodeFrame(FRAME_KINDS.helloRefused, payload)
}

/** @throws PeerError `HELLO_INVALID` when it is too short. */
export const decodeRefusal = (body: Uint8Array): Refusal => {
  const codeEnd = 1 + (body[0] ?? 0)
  const reasonAt = codeEnd + 2
  const reasonEnd = reasonAt + readU16(body, codeEnd)
  const end = reasonEnd + INSTANCE_LENGTH / 2
  if (end > body.length)
    throw new PeerError('HELLO_INVALID', 'the peer sent a refusal that is too short')
  return {
    code: decodeLenient(body.subarray(1, Math.min(codeEnd, 1 + CODE_BYTES_MAX))),
    reason: decodeLenient(
      body.subarray(reasonAt, Math.min(reasonEnd, reasonAt + REASON_BYTES_MAX)),
    ),
    instance: decodeInstance(body.subarray(reasonEnd, end)),
  }
}
