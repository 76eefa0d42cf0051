import { encodeReply, integer } from '../../codec/resp/encode.ts'
import { elementsOf, gatherReplies, isError } from '../../plan/gather.ts'
import { bulkOf } from '../../pool/copies/reply-parts.ts'
import type { Listing } from '../../pool/pool.ts'
import { Request } from '../../pool/request.ts'
import { LOCAL_READ } from '../local-row.ts'
import { type Flow, type FlowCall, onReply, settle } from './flow.ts'

/** KEYS: every key once, from the backend that speaks for it. */
export const keys: Flow = (call) =>
  askListed(call, (replies, listing) => {
    const parts = replies.map(([id, reply]) => ({
      ordinals: [],
      bytes: shownOf(reply, id, listing),
    }))
    return gatherReplies('union', parts, 0)
  })

/** DBSIZE: what all have, by how many copies there are. */
export const dbsize: Flow = (call) =>
  askListed(call, (replies, listing) => {
    let size = 0
    for (const [id, reply] of replies) {
      if (isError(reply)) return reply
      size += Number(reply.toString('latin1', 1, reply.length - 2)) / listing.copies(id)
    }
    return encodeReply(integer(Math.round(size)), call.whole.resp)
  })

/** An array of keys without those that another backend reports; any other reply as it is. O(keys). */
export function shownOf(reply: Buffer, id: string, listing: Listing): Buffer {
  if (listing.view === '') return reply
  const found = elementsOf(reply)
  if (found === undefined) return reply
  const shown = found.filter((element) => {
    const key = bulkOf(element)
    return key !== undefined && listing.shows(id, key)
  })
  return Buffer.concat([Buffer.from(`*${shown.length}\r\n`), ...shown])
}

type Replies = readonly (readonly [id: string, reply: Buffer])[]

/** Asks all; once more when a backend was lost under it and the others have its keys. */
function askListed(
  call: FlowCall,
  fold: (replies: Replies, listing: Listing) => Buffer,
): undefined {
  const { whole, frame, fleet, limits } = call
  const bytes = Buffer.from(frame.bytes.subarray(frame.start, frame.end))
  const ask = (attempts: number): void => {
    const listing = fleet.listing()
    const replies: (readonly [string, Buffer])[] = []
    const take = (id: string, reply: Buffer): void => {
      replies.push([id, reply])
      if (replies.length < listing.ids.length) return
      const failed = replies.some(([, each]) => isError(each))
      const isOld = failed && listing.view !== fleet.listing().view
      if (isOld && attempts < limits.failoverAttemptsMax) ask(attempts + 1)
      else settle(whole, fold(replies, listing))
    }
    if (listing.ids.length === 0) settle(whole, Buffer.from('-ERR no backend is in the pool\r\n'))
    for (const id of listing.ids) {
      const owner = onReply((reply) => take(id, reply))
      fleet.runAt(new Request(owner, LOCAL_READ, whole.resp, undefined, true), id, bytes)
    }
  }
  ask(0)
  return undefined
}
