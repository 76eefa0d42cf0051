import { encodeCommand } from '../../codec/resp/encode.ts'
import type { GatherKind } from '../../plan/gather.ts'
import { Gathering } from '../../pool/gathering.ts'
import { type LostCause, REMOVED_CAUSE } from '../../pool/lost-cause.ts'
import type { Fleet } from '../../pool/pool.ts'
import type { LinkHolder, PrivateLink } from '../../pool/private-links.ts'
import { Request, type RequestOwner } from '../../pool/request.ts'
import { patienceOf, type Wait } from '../blocking-call.ts'
import { LOCAL } from '../local-row.ts'
import { type Flow, type FlowCall, settle } from './flow.ts'

const PING = encodeCommand([Buffer.from('PING')])

/**
 * WAIT and WAITAOF: at every backend, on a connection of its own; the reply is the least. Redis waits for what the
 * connection has written, or has seen written by others when it ran its last command: a PING makes that everything so far.
 */
export const wait: Flow = (call) => {
  const { whole, frame } = call
  const patienceMs = patienceOf(frame.text(frame.argc - 1), 1)
  const gather = whole.command.name === 'wait' ? 'least' : 'least-each'
  return everywhere(call, [PING], patienceMs, gather)
}

/** SCRIPT KILL and FUNCTION KILL: beside the connection that the script keeps busy; one that was killed is enough. */
export const kill: Flow = (call) => {
  everywhere(call, [], 0, 'any')
  return undefined
}

function everywhere(
  { whole, frame, fleet }: FlowCall,
  before: readonly Buffer[],
  patienceMs: number,
  gather: GatherKind,
): Wait | undefined {
  const ids = fleet.backendIds()
  if (ids.length === 0) {
    settle(whole, Buffer.from('-ERR no backend is in the pool\r\n'))
    return undefined
  }
  const bytes = Buffer.from(frame.bytes.subarray(frame.start, frame.end))
  const gathering = new Gathering(whole, gather, 0, ids.length)
  const parts = ids.map((id) => {
    const part = new Request(gathering, whole.command, whole.resp, undefined, true)
    return new PrivatePart(part, fleet, patienceMs, id, [...before, bytes])
  })
  const cancel = () => {
    for (const part of parts) part.cancel()
  }
  return {
    cancel,
    unblock: () => {
      cancel()
      settle(whole, Buffer.from('-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n'))
    },
  }
}

/** One backend's part, on a private connection; only the reply to the last command counts. */
class PrivatePart implements LinkHolder, RequestOwner {
  readonly #part: Request
  readonly #fleet: Fleet
  #link: PrivateLink | undefined

  constructor(
    part: Request,
    fleet: Fleet,
    patienceMs: number,
    id: string,
    commands: readonly Buffer[],
  ) {
    this.#part = part
    this.#fleet = fleet
    const link = fleet.pinAt(this, id, part.resp)
    if (Buffer.isBuffer(link)) {
      settle(part, link)
      return
    }
    this.#link = link
    for (const [i, bytes] of commands.entries()) {
      const isLast = i === commands.length - 1
      const request = new Request(isLast ? this : SWALLOW, LOCAL, part.resp, undefined, true)
      if (isLast) request.patienceMs = patienceMs
      link.send(request, bytes, 0, bytes.length, true)
    }
  }

  answered(_request: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    this.#link?.release()
    this.#link = undefined
    this.#part.settle(bytes, start, end, stable)
  }

  linkFailed(_request: Request, _sent: boolean, cause: LostCause): void {
    if (this.#link !== undefined) settle(this.#part, this.#fleet.lostReply(this.#link, cause, ''))
  }

  linkEnded(): void {
    this.#link = undefined
  }

  cancel(): void {
    this.#link?.close(REMOVED_CAUSE)
    this.#link = undefined
  }
}

const SWALLOW: RequestOwner = { answered: () => {} }
