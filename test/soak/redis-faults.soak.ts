import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { CopiesLoad } from '../support/copies/load.ts'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/ports.ts'
import { requireProgram } from '../support/programs.ts'
import { plainClient } from '../support/redis-client.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { admin, type NodeProcess, nodePorts, startNode, stopCluster } from '../support/ringway.ts'

const KEYS = 100
const REPLICAS = 2
/**
 * One pool per `ack`, each in a database of its own, so that one fault shows what all of them do. `pair` has no third server: when
 * one of its two is away, a write that wants both is refused.
 */
const POOLS = [
  { name: 'one', ack: 'one', servers: 3 },
  { name: 'quorum', ack: 'quorum', servers: 3 },
  { name: 'all', ack: 'all', servers: 3 },
  { name: 'pair', ack: 'all', servers: 2 },
] as const

let servers: RedisServer[] = []
let nodes: NodeProcess[] = []
let folder: string | undefined
afterEach(async () => {
  await stopCluster(nodes)
  await Promise.all(servers.map((server) => server.stop()))
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  servers = []
  nodes = []
  folder = undefined
})

/** Two routers of one cluster, and the port of each pool at each of them. */
async function startRouters(): Promise<readonly (readonly number[])[]> {
  servers = await Promise.all((await freePorts(3)).map(startRedis))
  folder = await mkdtemp(join(tmpdir(), 'ringway-faults-'))
  const where = folder
  const pools = Object.fromEntries(
    POOLS.map(({ name, ack, servers: count }, database) => [
      name,
      {
        protocol: 'redis',
        replicas: REPLICAS,
        ack,
        // Long enough that a busy machine does not make a server look lost while another one is: then keys would be, too.
        check: { intervalMs: 500, timeoutMs: 3_000, rise: 1, fall: 1 },
        backends: servers.slice(0, count).map(({ port }, i) => ({
          id: `server-${i}`,
          url: `redis://127.0.0.1:${port}/${database}`,
        })),
      },
    ]),
  )
  const own = await Promise.all([nodePorts(), nodePorts()])
  const ports = await Promise.all(own.map(() => freePorts(POOLS.length)))
  nodes = await Promise.all(
    own.map(async ({ gossip, peer, admin }, index) => {
      const listeners = POOLS.map(({ name: pool }, i) => ({
        protocol: 'redis',
        bind: `127.0.0.1:${ports[index]?.[i]}`,
        pool,
      }))
      const file = join(where, `node-${index}.yml`)
      await writeFile(file, JSON.stringify({ pools, listeners }))
      return startNode(`node-${index}`, { gossip, peer, admin }, own.slice(0, index), [
        '--config',
        file,
      ])
    }),
  )
  await Promise.all(nodes.map(({ ready }) => ready))
  return ports
}

/** What each router says of a server in each of its pools, such as `up up out avoided`. */
async function statesOf(server: number): Promise<readonly string[]> {
  const all = await Promise.all(
    nodes.map((node) =>
      admin<{ pools: { backends: { id: string; state: string }[] }[] }>(node, '/v1/pools'),
    ),
  )
  return all.flatMap(({ pools }) =>
    pools.flatMap(({ backends }) =>
      backends.filter(({ id }) => id === `server-${server}`).map(({ state }) => state),
    ),
  )
}

async function untilStates(server: number, what: string, good: (state: string) => boolean) {
  await eventually(`server ${server} is ${what}`, async () => {
    const states = await statesOf(server)
    if (states.every(good)) return true
    throw new Error(states.join(' '))
  })
}

const infoOf = async ({ port }: RedisServer, section: string) => {
  const client = await plainClient(port)
  const text = await client.info(section)
  client.disconnect()
  return text
}

const getsAt = async (server: RedisServer) =>
  Number(/cmdstat_get:calls=(\d+)/.exec(await infoOf(server, 'commandstats'))?.[1] ?? 0)

/** All routers use the server again, clients' reads reach it, and every key has as many copies as it should. */
async function untilRecovered(at: number): Promise<void> {
  await untilStates(at, 'up', (state) => state === 'up')
  const server = servers[at] as RedisServer
  const before = await getsAt(server)
  await eventually(
    `reads reach server ${at}`,
    async () => (await getsAt(server)) > before + POOLS.length,
  )
  await eventually('every key has its copies, and no more', async () => {
    const texts = await Promise.all(servers.map((each) => infoOf(each, 'keyspace')))
    const counts = POOLS.map((_, database) =>
      texts
        .map((text) => Number(new RegExp(`^db${database}:keys=(\\d+)`, 'm').exec(text)?.[1] ?? 0))
        .reduce((sum, count) => sum + count, 0),
    )
    if (counts.every((count) => count === KEYS * nodes.length * REPLICAS)) return true
    throw new Error(counts.join(' '))
  })
}

const isAway = (state: string) => state !== 'up'

test('a server killed, suspended and restarted under load: no read fails, writes are acknowledged as ack says, and it serves again', async (context) => {
  requireProgram(context, 'redis-server')
  const ports = await startRouters()
  const loads = POOLS.flatMap(({ name }, pool) =>
    nodes.map((_, router) => ({
      name,
      load: new CopiesLoad({ port: ports[router]?.[pool] ?? 0, prefix: `r${router}`, keys: KEYS }),
    })),
  )
  await Promise.all(loads.map(({ load }) => load.start()))

  // Killed, and started again with nothing in it.
  await servers[0]?.stop()
  await untilStates(0, 'avoided', isAway)
  servers[0] = await startRedis(servers[0]?.port ?? 0)
  await untilRecovered(0)

  // Suspended: both routers hear from each other that it is out, and that it is back.
  servers[1]?.signal('SIGSTOP')
  await untilStates(1, 'out for all', (state) => state === 'out')
  servers[1]?.signal('SIGCONT')
  await untilRecovered(1)

  // Restarted in good order, as for an upgrade.
  servers[2]?.signal('SIGTERM')
  await eventually('server 2 has ended', () =>
    plainClient(servers[2]?.port ?? 0).then(
      (client) => client.disconnect(),
      () => true,
    ),
  )
  servers[2] = await startRedis(servers[2]?.port ?? 0)
  await untilRecovered(2)

  await Promise.all(loads.map(({ load }) => load.stop()))
  for (const { name, load } of loads) {
    const { reads, writes, acknowledged } = load.counts
    console.info(`ack ${name}: ${reads} reads, ${acknowledged} of ${writes} writes acknowledged`)
    expect(load.readErrors, name).toEqual([])
    expect(load.wrong, name).toEqual([])
    expect(reads).toBeGreaterThan(1_000)
    expect(acknowledged).toBeGreaterThan(200)
    if (name === 'pair') expect(load.writeErrors.length).toBeGreaterThan(0)
    else expect(load.writeErrors, name).toEqual([])
    for (const error of load.writeErrors)
      expect(error).toMatch(
        /^ERR pool "pair": .*(1 of the 2 backends that ack asks for|may have been applied)/,
      )
  }
}, 120_000)
