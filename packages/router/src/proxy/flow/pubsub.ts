import { array, bulk, encodeReply, integer } from '../../codec/resp/encode.ts'
import { elementsOf } from '../../plan/gather.ts'
import { Request } from '../../pool/request.ts'
import { LOCAL_READ } from '../local-row.ts'
import { type Flow, onReply, settle } from './flow.ts'

/** PUBSUB NUMSUB and SHARDNUMSUB: what all backends count, with this router's subscribers one by one. */
export const pubsub: Flow = ({ whole, frame, pool, fleet }) => {
  const kind = whole.command.name === 'pubsub|shardnumsub' ? 'shard' : 'channel'
  const names: Buffer[] = []
  for (let at = 2; at < frame.argc; at++) names.push(Buffer.from(frame.arg(at)))
  const step = new Request(
    onReply((reply) => {
      const counts = elementsOf(reply)
      if (counts === undefined) {
        settle(whole, reply)
        return
      }
      const byName = new Map<string, number>()
      for (let at = 0; at + 1 < counts.length; at += 2)
        byName.set(counts[at]?.toString('latin1') ?? '', numberIn(counts[at + 1]))
      const items = names.flatMap((name) => {
        const counted = byName.get(encodeReply(bulk(name), 2).toString('latin1')) ?? 0
        return [bulk(name), integer(fleet.channels.subscribers(kind, name, counted))]
      })
      settle(whole, encodeReply(array(items), whole.resp))
    }),
    LOCAL_READ,
    whole.resp,
    undefined,
    false,
  )
  pool.runAll(step, frame, 'sum-pairs')
  return undefined
}

function numberIn(reply: Buffer | undefined): number {
  return Number(reply?.toString('latin1', 1, reply.length - 2) ?? 0)
}
