import { bulk, encodeCommand, encodeError, encodeReply } from '../../codec/resp/encode.ts'
import { elementsOf } from '../../plan/gather.ts'
import { nextCursor, readCursor } from '../../plan/scan-cursor.ts'
import { Request } from '../../pool/request.ts'
import { LOCAL_READ } from '../local-row.ts'
import { type Flow, onReply, settle } from './flow.ts'

const DONE = Buffer.from('*2\r\n$1\r\n0\r\n*0\r\n')

/** SCAN: one step at the backend that the cursor names. */
export const scan: Flow = ({ whole, frame, fleet }) => {
  const ids = fleet.backendIds()
  const position = readCursor(frame.text(1), ids)
  if (position === undefined || position === 'end') {
    settle(whole, position === 'end' ? DONE : encodeError('ERR invalid cursor'))
    return undefined
  }
  const { id } = position
  const args: Uint8Array[] = [frame.arg(0), Buffer.from(position.cursor)]
  for (let at = 2; at < frame.argc; at++) args.push(frame.arg(at))
  const step = new Request(
    onReply((reply) => settle(whole, withCursor(reply, id, ids))),
    LOCAL_READ,
    whole.resp,
    undefined,
    true,
  )
  fleet.runAt(step, id, encodeCommand(args))
  return undefined
}

/** The backend's reply, with the cursor of the whole pool. */
function withCursor(reply: Buffer, id: string, ids: readonly string[]): Buffer {
  const [own, keys] = elementsOf(reply) ?? []
  if (own === undefined || keys === undefined) return reply
  const cursor = /^\$\d+\r\n(\d+)\r\n$/.exec(own.toString('latin1'))?.[1] ?? '0'
  const next = nextCursor({ id, cursor }, ids)
  if (next === undefined)
    return encodeError(`ERR the cursor of backend ${id} has more than 48 bits; scan it itself`)
  return Buffer.concat([Buffer.from('*2\r\n'), encodeReply(bulk(next), 2), keys])
}
