import { Request } from '../../pool/request.ts'
import { LOCAL } from '../local-row.ts'
import { type Flow, onReply, settle } from './flow.ts'

const INTEGER = 0x3a

/** PUBLISH and SPUBLISH: to the owner of the channel; the reply counts this router's subscribers one by one. */
export const publish: Flow = ({ whole, frame, pool, fleet }) => {
  const kind = whole.command.name === 'spublish' ? 'shard' : 'channel'
  const name = Buffer.from(frame.arg(1))
  const step = new Request(
    onReply((reply) => {
      if (reply[0] !== INTEGER) {
        settle(whole, reply)
        return
      }
      const counted = Number(reply.toString('latin1', 1, reply.length - 2))
      settle(whole, Buffer.from(`:${fleet.channels.receivers(kind, name, counted)}\r\n`))
    }),
    LOCAL,
    whole.resp,
    undefined,
    false,
  )
  pool.run(step, frame, 1, frame.stable)
  return undefined
}
