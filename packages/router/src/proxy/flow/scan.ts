import { bulk, encodeCommand, encodeError, encodeReply } from '../../codec/resp/encode.ts'
import { elementsOf, isError } from '../../plan/gather.ts'
import { firstCursor, nextCursor, readCursor } from '../../plan/scan-cursor.ts'
import type { Listing } from '../../pool/pool.ts'
import { Request } from '../../pool/request.ts'
import { LOCAL_READ } from '../local-row.ts'
import { type Flow, onReply, settle } from './flow.ts'
import { shownOf } from './listed.ts'

const DONE = Buffer.from('*2\r\n$1\r\n0\r\n*0\r\n')
const NO_KEYS = Buffer.from('*0\r\n')

/** SCAN: one step at the backend that the cursor names. */
export const scan: Flow = ({ whole, frame, fleet }) => {
  const listing = fleet.listing()
  const { ids, view } = listing
  const position = readCursor(frame.text(1), ids, view)
  if (position === undefined || position === 'end') {
    settle(whole, position === 'end' ? DONE : encodeError('ERR invalid cursor'))
    return undefined
  }
  const { id } = position
  const args: Uint8Array[] = [frame.arg(0), Buffer.from(position.cursor)]
  for (let at = 2; at < frame.argc; at++) args.push(frame.arg(at))
  const step = new Request(
    onReply((reply) => {
      const now = isError(reply) ? fleet.listing() : listing
      // Its backend was lost, and others have its keys: they are told from the start on.
      if (now.view !== view) settle(whole, page(firstCursor(now.ids, now.view), NO_KEYS))
      else settle(whole, withCursor(reply, id, listing))
    }),
    LOCAL_READ,
    whole.resp,
    undefined,
    true,
  )
  fleet.runAt(step, id, encodeCommand(args))
  return undefined
}

/** The backend's reply, with the cursor of the whole pool. */
function withCursor(reply: Buffer, id: string, listing: Listing): Buffer {
  const [own, keys] = elementsOf(reply) ?? []
  if (own === undefined || keys === undefined) return reply
  const cursor = /^\$\d+\r\n(\d+)\r\n$/.exec(own.toString('latin1'))?.[1] ?? '0'
  const next = nextCursor({ id, cursor }, listing.ids, listing.view)
  if (next === undefined)
    return encodeError(`ERR the cursor of backend ${id} has more than 48 bits; scan it itself`)
  return page(next, shownOf(keys, id, listing))
}

function page(cursor: string, keys: Buffer): Buffer {
  return Buffer.concat([Buffer.from('*2\r\n'), encodeReply(bulk(cursor), 2), keys])
}
