import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { plainClient } from '../support/redis-client.ts'
import {
  admin,
  type NodePorts,
  type NodeProcess,
  nodePorts,
  startNode,
  stopCluster,
} from '../support/ringway.ts'

const KEYS = 200

let folder: string
let nodes: NodeProcess[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'peers-'))
})
afterEach(async () => {
  await stopCluster(nodes)
  nodes = []
  await rm(folder, { recursive: true, force: true })
})

const start = (name: string, ports: NodePorts, seeds: readonly NodePorts[] = []) =>
  startNode(name, ports, seeds, ['--snapshot', join(folder, `${name}.peers`)])

/** Three ready members; the first has no seeds. */
async function startThree(): Promise<void> {
  const ports = [await nodePorts(), await nodePorts(), await nodePorts()]
  nodes = ports.map((own, index) => start(`node-${index + 1}`, own, ports.slice(0, index)))
  await Promise.all(nodes.map(({ ready }) => ready))
}

async function livingAt(node: NodeProcess): Promise<string[]> {
  const { members } = await admin<{ members: { name: string; state: string }[] }>(
    node,
    '/v1/members',
  )
  return members.filter(({ state }) => state === 'alive').map(({ name }) => name)
}

async function untilTogether(...names: string[]): Promise<void> {
  await eventually(`all members see ${names.join(', ')}`, async () => {
    for (const node of nodes) {
      if ((await livingAt(node)).sort().join() !== names.join()) return false
    }
    return true
  })
}

// A busy machine makes members suspect each other for a moment; then a command is answered by an error, and asked again.
const write = (client: Redis, key: string, value: string) =>
  eventually(`${key} is written`, async () => (await client.set(key, value)) === 'OK')
async function read(client: Redis, key: string, value: string): Promise<void> {
  const found = await eventually(`${key} is read`, async () => ({ value: await client.get(key) }))
  expect(found.value).toBe(value)
}

test('without seeds a stopped founder finds its cluster again, and a whole cluster itself', async () => {
  await startThree()
  await untilTogether('node-1', 'node-2', 'node-3')
  const [founder, other] = nodes as [NodeProcess, NodeProcess]
  const before = await plainClient(other.ports.redis)
  for (let key = 0; key < KEYS; key++) await write(before, `k${key}`, String(key))
  before.disconnect()

  founder.kill('SIGTERM')
  expect(await founder.exited).toMatchObject({ code: 0 })
  const stoppedAt = performance.now()
  await eventually(
    'the others have forgotten the founder, and nobody calls it any more',
    async () => {
      const { members } = await admin<{ members: { name: string }[] }>(other, '/v1/members')
      return (
        performance.now() - stoppedAt > 16_000 && !members.some(({ name }) => name === 'node-1')
      )
    },
    { timeoutMs: 60_000 },
  )

  const back = start('node-1', founder.ports)
  nodes[0] = back
  await back.ready
  expect(back.log()).not.toContain('founded a new cluster')
  await untilTogether('node-1', 'node-2', 'node-3')
  const after = await plainClient(back.ports.redis)
  for (let key = 0; key < KEYS; key++) await read(after, `k${key}`, String(key))
  after.disconnect()

  for (const node of nodes) node.kill('SIGTERM')
  const ends = await Promise.all(nodes.map(({ exited }) => exited))
  expect(ends.map(({ code }) => code)).toEqual([0, 0, 0])

  nodes = nodes.map(({ name, ports }) => start(name, ports))
  await Promise.all(nodes.map(({ ready }) => ready))
  await untilTogether('node-1', 'node-2', 'node-3')
  const founders = nodes.filter((node) => node.log().includes('founded a new cluster'))
  expect(founders.map(({ name }) => name)).toEqual(['node-1'])

  const [first, , last] = nodes as [NodeProcess, NodeProcess, NodeProcess]
  const writer = await plainClient(first.ports.redis)
  await write(writer, 'key', 'value')
  writer.disconnect()
  const reader = await plainClient(last.ports.redis)
  await read(reader, 'key', 'value')
  reader.disconnect()
})
