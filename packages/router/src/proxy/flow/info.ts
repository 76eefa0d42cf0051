import { bulk, encodeCommand, encodeReply } from '../../codec/resp/encode.ts'
import { RequestFrame } from '../../codec/resp/request-frame.ts'
import { isError } from '../../plan/gather.ts'
import {
  type BackendInfo,
  describeServer,
  needsBackends,
  parseInfo,
} from '../../plan/server-info.ts'
import { Request } from '../../pool/request.ts'
import { LOCAL_READ } from '../local-row.ts'
import { type Flow, onReply, settle } from './flow.ts'

const INFO = encodeCommand([Buffer.from('INFO')])

/** INFO: the router's own facts, and what adds up over all backends. One that does not answer is shown as such. */
export const info: Flow = ({ whole, frame, fleet, facts }) => {
  const asked = copyOf(frame)
  const ids = fleet.backendIds()
  const say = (backends: readonly BackendInfo[]) =>
    settle(whole, encodeReply(bulk(describeServer(asked, facts(), backends)), whole.resp))
  const answers: BackendInfo[] = []
  if (ids.length === 0 || !needsBackends(asked)) {
    say([])
    return undefined
  }
  let missing = ids.length
  for (const [i, id] of ids.entries()) {
    const owner = onReply((reply) => {
      answers[i] = { id, fields: isError(reply) ? undefined : parseInfo(reply.toString('latin1')) }
      missing--
      if (missing === 0) say(answers)
    })
    fleet.runAt(new Request(owner, LOCAL_READ, whole.resp, undefined, true), id, INFO)
  }
  return undefined
}

/** The command's own bytes: it is read again when the backends have answered. */
function copyOf(frame: RequestFrame): RequestFrame {
  const copy = new RequestFrame()
  copy.bytes = Buffer.from(frame.bytes.subarray(frame.start, frame.end))
  copy.end = copy.bytes.length
  copy.argc = frame.argc
  for (let at = 0; at < frame.argc; at++) {
    copy.argStart.push(frame.argStart[at] as number)
    copy.argEnd.push(frame.argEnd[at] as number)
  }
  return copy
}
