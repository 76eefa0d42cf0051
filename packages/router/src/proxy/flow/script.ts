import { array, encodeReply, integer } from '../../codec/resp/encode.ts'
import { elementsOf, isError } from '../../plan/gather.ts'
import { Request } from '../../pool/request.ts'
import { LOCAL } from '../local-row.ts'
import { type Flow, type FlowCall, onReply, settle } from './flow.ts'

const NOSCRIPT = '-NOSCRIPT'

/** Scripts without keys all run at the owner of this place. */
const PLACE_WITHOUT_KEYS = 0

/** EVAL and FCALL go to the owner of their keys. EVALSHA is said again as EVAL where the backend does not know the script. */
export const script: Flow = (call) => {
  const { whole, frame, keyIndex, pool, scripts } = call
  const { name } = whole.command
  if (name === 'eval' || name === 'eval_ro') scripts.remember(frame.arg(1))
  if (name.startsWith('evalsha') && scripts.has(frame.text(1))) runRepaired(call)
  else pool.run(whole, frame, keyIndex, frame.stable)
  return undefined
}

function runRepaired({ whole, frame, keyIndex, pool, fleet, scripts }: FlowCall): void {
  // Made now, while the script is known for sure; it is needed only once per backend and restart of it.
  const eval_ = scripts.asEval(frame)
  const position =
    keyIndex < 0
      ? PLACE_WITHOUT_KEYS
      : pool.placement.positionOf(frame.bytes, frame.from(keyIndex), frame.to(keyIndex))
  const step = new Request(
    onReply((reply) => {
      const missing = reply.toString('latin1', 0, NOSCRIPT.length) === NOSCRIPT
      if (missing && eval_ !== undefined) fleet.runOwner(whole, position, eval_)
      else settle(whole, reply)
    }),
    whole.command,
    whole.resp,
    undefined,
    false,
  )
  pool.run(step, frame, keyIndex, frame.stable)
}

/** SCRIPT LOAD: to all, and kept here for those that cannot be reached now or start anew later. */
export const scriptLoad: Flow = ({ whole, frame, pool, scripts }) => {
  const body = Buffer.from(frame.arg(2))
  const step = new Request(
    onReply((reply) => {
      if (!isError(reply)) scripts.remember(body)
      settle(whole, reply)
    }),
    LOCAL,
    whole.resp,
    undefined,
    false,
  )
  pool.runAll(step, frame, 'any')
  return undefined
}

/** SCRIPT EXISTS: whether EVALSHA will work here: every backend has the script, or the router does. */
export const scriptExists: Flow = ({ whole, frame, pool, scripts }) => {
  const known: boolean[] = []
  for (let at = 2; at < frame.argc; at++) known.push(scripts.has(frame.text(at)))
  if (known.every(Boolean)) {
    settle(whole, encodeReply(array(known.map(() => integer(1))), whole.resp))
    return undefined
  }
  const step = new Request(
    onReply((reply) => {
      const found = elementsOf(reply)
      if (found === undefined) {
        settle(whole, reply)
        return
      }
      const answers = found.map((each, i) =>
        integer(known[i] || each.toString() === ':1\r\n' ? 1 : 0),
      )
      settle(whole, encodeReply(array(answers), whole.resp))
    }),
    LOCAL,
    whole.resp,
    undefined,
    false,
  )
  pool.runAll(step, frame, 'least-each')
  return undefined
}

/** SCRIPT FLUSH: at all backends and here. */
export const scriptFlush: Flow = ({ whole, frame, pool, scripts }) => {
  scripts.clear()
  pool.runAll(whole, frame, 'all-ok')
  return undefined
}
