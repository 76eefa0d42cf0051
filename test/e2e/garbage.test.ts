import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { pseudoRandomBytes } from '../support/pseudo-random.ts'
import { plainClient } from '../support/redis-client.ts'
import {
  admin,
  type NodeProcess,
  nodePorts,
  residentBytes,
  startNode,
  stopCluster,
} from '../support/ringway.ts'

const MIB = 1024 ** 2
const GROWTH_MAX = 48 * MIB
const CONNECTION_DEADLINE_MS = 5_000

let node: NodeProcess
beforeAll(async () => {
  node = startNode('victim', await nodePorts(), [])
  await node.ready
})
afterAll(() => stopCluster([node]))

/** Sends bytes and waits until the other side has closed, or until it has had time to do harm. Returns what it answered. */
async function throwAt(
  port: number,
  chunks: readonly Uint8Array[],
  patienceMs: number,
): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  const answer: Buffer[] = []
  socket.on('data', (data: Buffer) => answer.push(data)).on('error', () => {})
  const closed = once(socket, 'close').catch(() => {})
  await once(socket, 'connect')
  for (const chunk of chunks) {
    if (socket.destroyed) break
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain').catch(() => {}), closed])
  }
  const timer = setTimeout(() => socket.destroy(), patienceMs)
  await closed
  clearTimeout(timer)
  return Buffer.concat(answer).toString('latin1')
}

/** The node serves, knows itself, and has not grown by more than the bound over what it was. */
async function expectHealthy(before: number): Promise<void> {
  const client = await plainClient(node.ports.redis)
  expect(await client.set('alive', 'yes')).toBe('OK')
  expect(await client.get('alive')).toBe('yes')
  client.disconnect()
  const { members } = await admin<{ members: { state: string }[] }>(node, '/v1/members')
  expect(members.map(({ state }) => state)).toEqual(['alive'])
  const grown = (await residentBytes(node.pid)) - before
  expect(grown, `grew by ${(grown / MIB).toFixed(1)} MiB`).toBeLessThan(GROWTH_MAX)
}

const random = pseudoRandomBytes(0x6a7b)
const text = (value: string) => Buffer.from(value, 'latin1')

const streams: readonly [string, 'redis' | 'peer' | 'gossip', () => readonly Uint8Array[]][] = [
  ['random bytes on the Redis port', 'redis', () => [random(256 * 1024)]],
  [
    'a truncated command on the Redis port',
    'redis',
    () => [text('*3\r\n$3\r\nSET\r\n$1\r\na\r\n$10\r\nabc')],
  ],
  [
    'a bulk length of 2 GB on the Redis port',
    'redis',
    () => [text('*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2147483648\r\n'), random(64 * 1024)],
  ],
  ['nesting 10,000 deep on the Redis port', 'redis', () => [text('*1\r\n'.repeat(10_000))]],
  [
    'a million arguments announced on the Redis port',
    'redis',
    () => [text('*1048576\r\n$1\r\na\r\n')],
  ],
  [
    'an endless line on the Redis port',
    'redis',
    () => Array.from({ length: 64 }, () => text('x'.repeat(64 * 1024))),
  ],
  ['random bytes on the peer port', 'peer', () => [random(256 * 1024)]],
  ['a truncated frame on the peer port', 'peer', () => [new Uint8Array([0, 0, 0, 40, 1, 2, 3])]],
  [
    'a frame of 4 GB on the peer port',
    'peer',
    () => [new Uint8Array([255, 255, 255, 255, 1]), random(64 * 1024)],
  ],
  [
    'nesting 10,000 deep on the peer port',
    'peer',
    () => [new Uint8Array([0, 0, 39, 17, 1]), new Uint8Array(10_000).fill(0x91)],
  ],
  ['random bytes on the gossip port', 'gossip', () => [random(256 * 1024)]],
  [
    'a truncated push/pull on the gossip port',
    'gossip',
    () => [new Uint8Array([6, 0x83, 0xa4, 0x4a])],
  ],
  [
    'nesting 10,000 deep on the gossip port',
    'gossip',
    () => [new Uint8Array([6]), new Uint8Array(10_000).fill(0x91)],
  ],
  [
    'a user state of 2 GB on the gossip port',
    'gossip',
    () => [pushPullHeader(0, 0x7fffffff), random(64 * 1024)],
  ],
  [
    'two billion nodes on the gossip port',
    'gossip',
    () => [pushPullHeader(0x7fffffff, 0), random(64 * 1024)],
  ],
]

test.each(streams)('%s: costs that connection at most', async (_what, port, chunks) => {
  const before = await residentBytes(node.pid)
  await Promise.all(Array.from({ length: 20 }, () => throwAt(node.ports[port], chunks(), 500)))
  await expectHealthy(before)
})

test('a 2 GB bulk length is answered with the protocol error that Redis gives', async () => {
  const answer = await throwAt(
    node.ports.redis,
    [text('*2\r\n$3\r\nGET\r\n$2147483648\r\n')],
    CONNECTION_DEADLINE_MS,
  )
  expect(answer).toBe('-ERR Protocol error: invalid bulk length\r\n')
})

test('50,000 random, truncated and deeply nested datagrams on the gossip port are dropped', async () => {
  const before = await residentBytes(node.pid)
  const socket = createSocket('udp4')
  for (let batch = 0; batch < 500; batch++) {
    const sent = Array.from({ length: 100 }, (_, index) => {
      const bytes = Buffer.from(random(1 + ((batch * 100 + index) % 1400)))
      // Half of them start like a real message, so that they reach the decoders behind the type byte.
      if (index % 2 === 0) bytes[0] = index % 14
      if (index % 10 === 0) bytes.fill(0x91, 1)
      return new Promise((resolve) => socket.send(bytes, node.ports.gossip, '127.0.0.1', resolve))
    })
    await Promise.all(sent)
  }
  socket.close()
  await expectHealthy(before)
})

function pushPullHeader(nodes: number, userState: number): Uint8Array {
  const header = Buffer.from(
    '0683a44a6f696ec3a54e6f646573ce00000000ac5573657253746174654c656ece00000000',
    'hex',
  )
  header.writeUInt32BE(nodes, 15)
  header.writeUInt32BE(userState, header.length - 4)
  return header
}
