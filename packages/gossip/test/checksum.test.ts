import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, expect, it, vi } from 'vitest'
import { createMemberlist, encodeTags, type Memberlist } from '../src/index.ts'
import { encodeMessage, MESSAGE_TYPE } from '../src/wire/message-codec.ts'

const WAIT = { timeout: 20_000, interval: 20 }

let list: Memberlist
let socket: Socket
afterEach(async () => {
  await list.close()
  socket.close()
})

/** First bytes of what a member of this protocol range is sent, once it is known. */
async function sentTo(protocolMax: number): Promise<number[]> {
  list = await createMemberlist({
    name: 'a',
    bind: { host: '127.0.0.1', port: 0 },
    profile: 'local',
  })
  socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const first: number[] = []
  socket.on('message', (bytes) => first.push(bytes[0] ?? -1))
  const alive = encodeMessage({
    type: 'alive',
    incarnation: 1,
    node: 'x',
    address: Uint8Array.of(127, 0, 0, 1),
    port: socket.address().port,
    meta: encodeTags({ v: '1', i: 'x' }),
    versions: Uint8Array.of(1, protocolMax, 2, 0, 0, 0),
  })
  socket.send(alive, list.bound.port, '127.0.0.1')
  await vi.waitFor(() => expect(list.member('x')?.state).toBe('alive'), WAIT)
  list.sendUser('x', Uint8Array.of(1))
  // The news of x goes to x as well.
  await vi.waitFor(() => expect(first.length).toBeGreaterThanOrEqual(2), WAIT)
  return first
}

it('gossip and user messages carry a checksum to members that understand it', async () => {
  const first = await sentTo(5)
  expect(first).toContain(MESSAGE_TYPE.crc)
  expect(first).not.toContain(MESSAGE_TYPE.user)
})

it('and to no others', async () => {
  const first = await sentTo(4)
  expect(first).toContain(MESSAGE_TYPE.user)
  expect(first).not.toContain(MESSAGE_TYPE.crc)
})
