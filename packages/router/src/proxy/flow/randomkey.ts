import { encodeCommand, encodeReply } from '../../codec/resp/encode.ts'
import { isError } from '../../plan/gather.ts'
import { bulkOf } from '../../pool/copies/reply-parts.ts'
import type { Listing } from '../../pool/pool.ts'
import { Request } from '../../pool/request.ts'
import { LOCAL_READ } from '../local-row.ts'
import { type Flow, type FlowCall, onReply, settle } from './flow.ts'

const DBSIZE = encodeCommand([Buffer.from('DBSIZE')])
const RANDOMKEY = encodeCommand([Buffer.from('RANDOMKEY')])
/** With three copies of each key the first of them is not among so many draws once in 650. */
const DRAWS_MAX = 16

/**
 * RANDOMKEY: a backend is drawn by how many keys it has, so every key is equally likely; it draws the key. Of the copies of a key
 * one counts: another one that is drawn is put back, and there is a new draw. After 16 draws the last one counts.
 */
export const randomkey: Flow = (call) => {
  const { whole, fleet } = call
  const sizes = new Map<string, number>()
  const listing = fleet.listing()
  const { ids } = listing
  let failure: Buffer | undefined
  let missing = ids.length
  if (missing === 0) settle(whole, encodeReply({ type: 'null' }, whole.resp))
  for (const id of ids) {
    const owner = onReply((reply) => {
      if (isError(reply)) failure = reply
      else sizes.set(id, Number(reply.toString('latin1', 1, reply.length - 2)))
      missing--
      if (missing > 0) return
      // Keys of a backend that cannot be reached are not drawn; without any other its error is the answer.
      if (!draw(call, listing, sizes, 1))
        settle(whole, failure ?? encodeReply({ type: 'null' }, whole.resp))
    })
    fleet.runAt(new Request(owner, LOCAL_READ, whole.resp, undefined, true), id, DBSIZE)
  }
  return undefined
}

/** False when there is no key. */
function draw(
  call: FlowCall,
  listing: Listing,
  sizes: ReadonlyMap<string, number>,
  draws: number,
): boolean {
  const { whole, fleet } = call
  const id = drawn(sizes, fleet.random())
  if (id === undefined) return false
  const owner = onReply((reply) => {
    const key = bulkOf(reply)
    const again = key !== undefined && draws < DRAWS_MAX && !listing.shows(id, key)
    if (!again || !draw(call, listing, sizes, draws + 1)) settle(whole, reply)
  })
  fleet.runAt(new Request(owner, LOCAL_READ, whole.resp, undefined, true), id, RANDOMKEY)
  return true
}

function drawn(sizes: ReadonlyMap<string, number>, random: number): string | undefined {
  let total = 0
  for (const size of sizes.values()) total += size
  let ticket = Math.floor(random * total)
  for (const [id, size] of sizes) {
    if (ticket < size) return id
    ticket -= size
  }
  return undefined
}
