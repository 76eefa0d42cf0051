import { encodeCommand, encodeReply } from '../../codec/resp/encode.ts'
import { isError } from '../../plan/gather.ts'
import { Request } from '../../pool/request.ts'
import { LOCAL_READ } from '../local-row.ts'
import { type Flow, type FlowCall, onReply, settle } from './flow.ts'

const DBSIZE = encodeCommand([Buffer.from('DBSIZE')])
const RANDOMKEY = encodeCommand([Buffer.from('RANDOMKEY')])

/** RANDOMKEY: a backend is drawn by how many keys it has, so every key is equally likely; it draws the key. */
export const randomkey: Flow = (call) => {
  const { whole, fleet } = call
  const sizes = new Map<string, number>()
  const ids = fleet.backendIds()
  let failure: Buffer | undefined
  let missing = ids.length
  if (missing === 0) settle(whole, encodeReply({ type: 'null' }, whole.resp))
  for (const id of ids) {
    const owner = onReply((reply) => {
      if (isError(reply)) failure = reply
      else sizes.set(id, Number(reply.toString('latin1', 1, reply.length - 2)))
      missing--
      if (missing === 0) draw(call, sizes, failure)
    })
    fleet.runAt(new Request(owner, LOCAL_READ, whole.resp, undefined, true), id, DBSIZE)
  }
  return undefined
}

function draw(
  { whole, fleet }: FlowCall,
  sizes: ReadonlyMap<string, number>,
  failure?: Buffer,
): void {
  let total = 0
  for (const size of sizes.values()) total += size
  // Keys of a backend that cannot be reached are not drawn; without any other its error is the answer.
  if (total === 0) {
    settle(whole, failure ?? encodeReply({ type: 'null' }, whole.resp))
    return
  }
  let ticket = Math.floor(fleet.random() * total)
  for (const [id, size] of sizes) {
    if (ticket < size) {
      fleet.runAt(
        new Request(
          onReply((reply) => settle(whole, reply)),
          LOCAL_READ,
          whole.resp,
          undefined,
          true,
        ),
        id,
        RANDOMKEY,
      )
      return
    }
    ticket -= size
  }
}
