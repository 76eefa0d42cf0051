import { commonProtocol, decodeHello, decodeProtocolRange, type Hello } from './hello.ts'
import { PROTOCOL_MAX, PROTOCOL_MIN } from './limits.ts'
import type { Refusal, RefusalCode } from './refusal.ts'

/** Who judges, and, on the dialing side, whom it wants to hear. */
export interface HelloJudge {
  readonly cluster: string
  readonly name: string
  readonly instance: string
  readonly expected?: { readonly name: string; readonly instance?: string }
}

/** The verdict on a hello. */
export type HelloVerdict =
  | { readonly type: 'accepted'; readonly hello: Hello }
  /** `refusal.instance` is ours, as we send it; `theirInstance` is the other side's, when its hello could be read. */
  | {
      readonly type: 'refused'
      readonly refusal: Refusal
      readonly theirInstance: string | undefined
    }

/**
 * Reads the other side's hello and decides whether it is the right peer.
 * @throws PeerError `HELLO_INVALID` when the bytes are no hello.
 */
export const judgeHello = (body: Uint8Array, self: HelloJudge): HelloVerdict => {
  let theirInstance: string | undefined
  const refuse = (code: RefusalCode, reason: string): HelloVerdict => ({
    type: 'refused',
    refusal: { code, reason, instance: self.instance },
    theirInstance,
  })
  const range = decodeProtocolRange(body)
  if (commonProtocol(range) === undefined)
    return refuse(
      'UNSUPPORTED_PROTOCOL',
      `member ${self.name} speaks peer protocol ${PROTOCOL_MIN} to ${PROTOCOL_MAX}, not ${range.protocolMin} to ${range.protocolMax}`,
    )
  const hello = decodeHello(body)
  theirInstance = hello.instance
  if (hello.cluster !== self.cluster)
    return refuse(
      'WRONG_CLUSTER',
      `member ${self.name} belongs to cluster ${JSON.stringify(self.cluster)}, not ${JSON.stringify(hello.cluster)}`,
    )
  if (hello.name === self.name)
    return hello.instance === self.instance
      ? refuse('SELF', `member ${self.name} reached itself`)
      : refuse('NAME_TAKEN', `another running process is named ${self.name} too`)
  return judgeTarget(hello, self, refuse)
}

const judgeTarget = (
  hello: Hello,
  self: HelloJudge,
  refuse: (code: RefusalCode, reason: string) => HelloVerdict,
): HelloVerdict => {
  if (hello.targetName !== undefined && hello.targetName !== self.name)
    return refuse('WRONG_NAME', `this address is member ${self.name}, not ${hello.targetName}`)
  if (hello.targetInstance !== undefined && hello.targetInstance !== self.instance)
    return refuse(
      'WRONG_INSTANCE',
      `member ${self.name} is instance ${self.instance} now, not ${hello.targetInstance}`,
    )
  const { expected } = self
  if (expected !== undefined && hello.name !== expected.name)
    return refuse('WRONG_NAME', `member ${hello.name} answers at the address of ${expected.name}`)
  if (expected?.instance !== undefined && hello.instance !== expected.instance)
    return refuse(
      'WRONG_INSTANCE',
      `member ${hello.name} is instance ${hello.instance} now, not ${expected.instance}`,
    )
  return { type: 'accepted', hello }
}
