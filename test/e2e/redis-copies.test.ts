import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/ports.ts'
import { requireProgram } from '../support/programs.ts'
import { plainClient } from '../support/redis-client.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { admin, type NodeProcess, nodePorts, startNode, stopCluster } from '../support/ringway.ts'

const KEYS = 10_000
const BATCH = 500

let servers: RedisServer[] = []
let nodes: NodeProcess[] = []
let folder: string | undefined
afterEach(async () => {
  await stopCluster(nodes)
  await Promise.all(servers.map((server) => server.stop()))
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  servers = []
  nodes = []
})

/** Two nodes, one cluster, the same pool over three servers. */
async function startTwoRouters(replicas: number): Promise<void> {
  servers = await Promise.all((await freePorts(3)).map(startRedis))
  folder = await mkdtemp(join(tmpdir(), 'ringway-copies-'))
  const file = join(folder, 'ringway.yml')
  const backends = servers.map(({ port }) => `      - { url: "redis://127.0.0.1:${port}" }`)
  const lines = ['pools:', '  cache:', '    protocol: redis', `    replicas: ${replicas}`]
  await writeFile(file, [...lines, '    backends:', ...backends, ''].join('\n'))
  const ports = [await nodePorts(), await nodePorts()]
  nodes = ports.map((own, index) =>
    startNode(`node-${index}`, own, ports.slice(0, index), ['--config', file]),
  )
  await Promise.all(nodes.map(({ ready }) => ready))
}

type Client = Awaited<ReturnType<typeof plainClient>>

async function inBatches(keys: readonly string[], run: (keys: readonly string[]) => Promise<void>) {
  for (let at = 0; at < keys.length; at += BATCH) await run(keys.slice(at, at + BATCH))
}

async function pipelined(client: Client, commands: string[][]) {
  return (await client.pipeline(commands).exec()) ?? []
}

for (const replicas of [1, 2])
  test(`a server suspended while ${KEYS} keys change shows no old value through two routers (replicas: ${replicas})`, async (context) => {
    requireProgram(context, 'redis-server')
    await startTwoRouters(replicas)
    const clients = await Promise.all(nodes.map(({ ports }) => plainClient(ports.redis)))
    const [one, two] = clients as [Client, Client]
    const keys = Array.from({ length: KEYS }, (_, i) => `key:${i}`)
    await inBatches(keys, async (some) => {
      await pipelined(
        one,
        some.map((key) => ['set', key, 'old']),
      )
    })

    servers[0]?.signal('SIGSTOP')
    // Until its silence is noticed the first writes wait; without replicas those that were on their way fail.
    const unknown = new Set<string>()
    const deleted = (key: string) => Number(key.slice(4)) % 3 === 0
    const change = (key: string) => (deleted(key) ? ['del', key] : ['set', key, 'new'])
    await inBatches(keys, async (some) => {
      const replies = await pipelined(one, some.map(change))
      for (const [i, [error]] of replies.entries()) if (error) unknown.add(some[i] as string)
    })
    if (replicas === 2) expect(unknown.size).toBe(0)
    else expect(unknown.size).toBeLessThanOrEqual(BATCH)
    servers[0]?.signal('SIGCONT')

    const wrong: string[] = []
    const readAll = async (client: Client, name: string) =>
      await inBatches(keys, async (some) => {
        const values = await client.mget(...some)
        for (const [i, value] of values.entries()) {
          const key = some[i] as string
          const wanted = deleted(key) ? null : 'new'
          if (value !== wanted && !unknown.has(key)) wrong.push(`${name} ${key} ${value}`)
        }
      })
    for (let round = 0; round < 2; round++) {
      await readAll(two, 'second')
      await readAll(one, 'first')
    }
    expect(wrong.slice(0, 5)).toEqual([])

    // The server is used again, without a restart of ours, and its copies are new.
    await eventually('the server serves again', async () => {
      const { pools } = await admin<{ pools: { name: string }[] }>(
        nodes[0] as NodeProcess,
        '/v1/pools',
      )
      const text = await (await fetch(`http://127.0.0.1:${nodes[0]?.ports.admin}/metrics`)).text()
      const stale = text
        .split('\n')
        .filter((line) => /^ringway_backend_(stale|avoided)\{/.test(line))
      return pools.length > 0 && stale.length === 6 && stale.every((line) => line.endsWith(' 0'))
    })
    await readAll(two, 'second')
    await readAll(one, 'first')
    expect(wrong.slice(0, 5)).toEqual([])
    const sizes = await Promise.all(
      servers.map(async ({ port }) => {
        const direct = await plainClient(port)
        const size = await direct.dbsize()
        direct.disconnect()
        return size
      }),
    )
    console.info(`keys per server after the return: ${sizes.join(', ')}; unknown: ${unknown.size}`)
    expect(Math.min(...sizes)).toBeGreaterThan(0)
    for (const client of clients) client.disconnect()
  }, 120_000)
