import { createNode, type RingwayNode } from 'ringway'
import { afterEach, expect, test, vi } from 'vitest'
import { Copies } from '../../packages/router/src/pool/copies/copies.ts'
import { type SoakResult, soakCopies } from '../support/copies/soak.ts'
import { freePorts } from '../support/ports.ts'
import { requireProgram } from '../support/programs.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'

// The short edition of test/soak/redis-copies.soak.ts, with nodes of this process, so that mistakes can be planted.

const SETTLE_MS = 2_000
const ROUNDS_MAX = 5

let nodes: RingwayNode[] = []
let servers: RedisServer[] = []
afterEach(async () => {
  await Promise.all(nodes.map((node) => node.close()))
  await Promise.all(servers.map((server) => server.stop()))
  nodes = []
  servers = []
})

async function startNodes(count: number, orderWrites: boolean): Promise<void> {
  servers = await Promise.all((await freePorts(3)).map(startRedis))
  const backends = servers.map(({ port }) => ({ url: `redis://127.0.0.1:${port}` }))
  for (let index = 0; index < count; index++) {
    const [seed] = nodes
    const join = seed ? [`127.0.0.1:${seed.addresses.gossip.port}`] : []
    nodes.push(
      await createNode({
        name: `node-${index}`,
        profile: 'local',
        logLevel: 'silent',
        gossip: { bind: '127.0.0.1:0', join },
        pools: { cache: { protocol: 'redis', replicas: 2, orderWrites, backends } },
        listeners: [{ protocol: 'redis', bind: '127.0.0.1:0', pool: 'cache' }],
      }),
    )
  }
}

async function soak(ms: number, seed: number): Promise<SoakResult> {
  const result = await soakCopies({
    routers: nodes.flatMap(({ addresses }) =>
      addresses.listeners.map(({ address }) => address.port),
    ),
    servers,
    replicas: 2,
    ms,
    seed,
    connections: 6,
    keysPerType: 8,
    faults: false,
    settleMs: SETTLE_MS,
  })
  const { commands, keys, dumpEqual, differences } = result
  console.info(
    `seed ${seed}: ${commands} commands, ${keys} keys, ${dumpEqual} equal DUMPs, ${differences.length} differences`,
  )
  return result
}

/** Differences appear by chance: short runs until there is one. */
async function soakUntilFound(): Promise<readonly string[]> {
  for (let seed = 1; seed <= ROUNDS_MAX; seed++) {
    const { differences } = await soak(2_000, seed)
    if (differences.length > 0) return differences
  }
  return []
}

test('two routers that write the same keys in one order leave equal copies', async (context) => {
  requireProgram(context, 'redis-server')
  await startNodes(2, true)
  const { differences, refusals } = await soak(5_000, Date.now() % 1_000_000)
  expect({ differences, refusals }).toEqual({ differences: [], refusals: {} })
})

test('the soak finds writes of two routers without an order', async (context) => {
  requireProgram(context, 'redis-server')
  await startNodes(2, false)
  expect(await soakUntilFound()).not.toEqual([])
})

test('the soak finds a router that forgets to copy', async (context) => {
  requireProgram(context, 'redis-server')
  vi.spyOn(Copies.prototype, 'missed').mockImplementation(() => {})
  await startNodes(1, false)
  expect(await soakUntilFound()).not.toEqual([])
})
