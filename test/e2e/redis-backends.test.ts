import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { freePorts } from '../support/ports.ts'
import { requireProgram } from '../support/programs.ts'
import { plainClient } from '../support/redis-client.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type LocalCluster, startLocalCluster } from '../support/up.ts'

const run = promisify(execFile)

let servers: RedisServer[] = []
let cluster: LocalCluster | undefined
afterEach(async () => {
  await cluster?.stop()
  await Promise.all(servers.map((server) => server.stop()))
  servers = []
  cluster = undefined
})

test('redis-benchmark passes over three real redis-servers without an error', async (context) => {
  const benchmark = requireProgram(context, 'redis-benchmark')
  requireProgram(context, 'redis-server')
  servers = await Promise.all((await freePorts(3)).map(startRedis))
  cluster = await startLocalCluster([
    '--redis-backends',
    servers.map(({ port }) => `127.0.0.1:${port}`).join(','),
  ])

  const { stdout, stderr } = await run(benchmark, [
    ...[
      '-p',
      String(cluster.redisPort(0)),
      '-t',
      'set,get,mset',
      '-P',
      '16',
      '-n',
      '100000',
      '-r',
      '10000',
      '--csv',
    ],
  ])
  expect(stderr).toBe('')
  expect(stdout).not.toMatch(/error/i)
  const rows = stdout
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.split('"').filter((_, index) => index % 2 === 1))
  expect(rows.map(([name]) => name)).toEqual(['SET', 'GET', 'MSET (10 keys)'])
  for (const [name, perSecond] of rows) {
    console.info(`${name}: ${perSecond} requests per second`)
    expect(Number(perSecond)).toBeGreaterThan(0)
  }

  // The keys really are spread: every server has some, and the router counts them all.
  const sizes = await Promise.all(
    servers.map(async ({ port }) => {
      const client = await plainClient(port)
      const size = await client.dbsize()
      client.disconnect()
      return size
    }),
  )
  expect(Math.min(...sizes)).toBeGreaterThan(0)
})

test('a refused backend is passed over: reads and writes go to the next owner', async (context) => {
  requireProgram(context, 'redis-server')
  servers = await Promise.all((await freePorts(3)).map(startRedis))
  cluster = await startLocalCluster([
    '--nodes',
    '1',
    '--redis-backends',
    servers.map(({ port }) => `127.0.0.1:${port}`).join(','),
  ])
  const client = await plainClient(cluster.redisPort(0))
  const keys = Array.from({ length: 300 }, (_, index) => `key:${index}`)
  for (const key of keys) await client.set(key, 'before')

  await servers[1]?.stop()
  const outcomes = await Promise.all(
    keys.map((key) => client.set(key, 'after').catch((error: Error) => error.message)),
  )
  // A write that was already on the wire when its connection broke may fail, with words that say so; none fails later.
  const second = await Promise.all(keys.map((key) => client.set(key, 'again')))
  expect(new Set(second)).toEqual(new Set(['OK']))
  expect(
    outcomes
      .filter((outcome) => outcome !== 'OK')
      .every((message) => /may or may not|may have been/.test(String(message))),
  ).toBe(true)
  expect(new Set(await client.mget(...keys))).toEqual(new Set(['again']))
  client.disconnect()
})
