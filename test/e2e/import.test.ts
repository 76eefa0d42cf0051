import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { type AskProtocol, ask, LIVE_TIMEOUT_MS, REDIS } from '../support/placement-ask.ts'
import { startProgram } from '../support/placement-process.ts'
import { freePorts } from '../support/ports.ts'
import { requireProgram } from '../support/programs.ts'
import { plainClient } from '../support/redis-client.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { type NodePorts, nodePorts, spawnRingway, startNode } from '../support/ringway.ts'

const run = promisify(execFile)
const MAIN = join(import.meta.dirname, '..', '..', 'apps', 'node', 'dist', 'main.js')

const stops: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop()
})

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'ringway-import-'))
  stops.push(() => rm(made, { recursive: true, force: true }))
  return made
}

async function servers(count: number): Promise<readonly RedisServer[]> {
  const made = await Promise.all((await freePorts(count)).map(startRedis))
  stops.push(() => Promise.all(made.map((server) => server.stop())))
  return made
}

async function node(config: string, file: string): Promise<NodePorts> {
  await writeFile(file, config)
  const ports = await nodePorts()
  const started = startNode('imported', ports, [], ['--config', file])
  stops.push(async () => {
    started.kill('SIGKILL')
    await started.exited
  })
  await started.ready
  return ports
}

/** Sets every key to its number; nutcracker hangs up on what ioredis says first. */
function settingNumbers(): AskProtocol {
  let number = 0
  return {
    request: (key) => {
      const value = String(number++)
      return Buffer.concat([
        Buffer.from(`*3\r\n$3\r\nSET\r\n$${key.length}\r\n`),
        key,
        Buffer.from(`\r\n$${value.length}\r\n${value}\r\n`),
      ])
    },
    reply: /\+(OK)\r\n|(-[^\r]*)\r\n/g,
    replyBytesMax: 512,
  }
}

/** Keys of several shapes, all of which fit into a command as they are. */
const KEYS = Array.from({ length: 300 }, (_, i) =>
  Buffer.from([`user:${i}:profile`, `{tag${i % 7}}:${i}`, `café-${i}`][i % 3] ?? ''),
)

test(
  'a warm cache behind nutcracker is a warm cache behind the imported configuration',
  async (context) => {
    const program = requireProgram(context, 'nutcracker')
    requireProgram(context, 'redis-server')
    const backends = await servers(5)
    const [front = 0, stats = 0] = await freePorts(2)
    const yaml = [
      'carts:',
      `  listen: 127.0.0.1:${front}`,
      '  hash: fnv1a_64',
      '  hash_tag: "{}"',
      '  distribution: ketama',
      '  redis: true',
      '  timeout: 5000',
      '  servers:',
      ...backends.map(
        ({ port }, i) => `   - 127.0.0.1:${port}:${1 + i} ${'cart-'.repeat(i + 1)}${i}`,
      ),
      '',
    ].join('\n')
    const nutcracker = await startProgram({
      program,
      config: () => yaml,
      args: (file) => ['-c', file, '-a', '127.0.0.1', '-s', String(stats)],
      ports: [front],
    })
    expect(new Set(await ask(front, KEYS, settingNumbers()))).toEqual(new Set(['OK']))
    await nutcracker.stop()

    const place = await folder()
    await writeFile(join(place, 'nutcracker.yml'), yaml)
    const output = join(place, 'ringway.yml')
    const imported = await run(process.execPath, [
      ...[MAIN, 'import', join(place, 'nutcracker.yml'), '--output', output],
    ])
    expect(imported.stderr).toContain('pool carts: 10000 of 10000 keys have the same server')
    expect(imported.stderr).toContain('timeout: 5000 is not translated')

    // The port of nutcracker is free by now, and Ringway takes its place under the same name.
    const config = await readFile(output, 'utf8')
    const ports = await node(config, join(place, 'started.yml'))
    const answers = await ask(ports.redis, KEYS, REDIS)
    expect(answers).toEqual(KEYS.map((_, i) => String(i)))
  },
  LIVE_TIMEOUT_MS,
)

test(
  'a pool that changes its placement keeps a warm cache; ring and plan tell what is where',
  async (context) => {
    requireProgram(context, 'redis-server')
    const backends = await servers(3)
    const pool = (placement: string, more = '') =>
      `pools:\n  cache:\n    protocol: redis\n    placement: ${placement}\n${more}    backends:\n${backends.map(({ port }) => `      - url: redis://127.0.0.1:${port}\n`).join('')}`
    const place = await folder()
    const before = await node(pool('ketama'), join(place, 'before.yml'))
    const warm = await plainClient(before.redis)
    for (const [i, key] of KEYS.entries()) await warm.set(key, String(i))
    warm.disconnect()

    const after = await node(
      pool('ringway', '    migrateFrom: { placement: ketama, until: 1h }\n'),
      join(place, 'after.yml'),
    )
    expect(await ask(after.redis, KEYS, REDIS)).toEqual(KEYS.map((_, i) => String(i)))

    const cli = async (...args: readonly string[]) => {
      const admin = ['--admin', `http://127.0.0.1:${after.admin}`]
      return (await run(process.execPath, [MAIN, ...args, ...admin])).stdout
    }
    const ring = await cli('ring')
    expect(ring).toMatch(/^pool cache: ringway, 3 nodes, digest [0-9a-f]{16}\nNODE +WEIGHT/)
    const plan = await cli('plan', '--add', '127.0.0.1:1:3')
    expect(plan).toMatch(/3 -> 4 nodes; (49|50)\.\d+ % of the keys move \(\d+ arcs\)/)
    expect(plan).toMatch(/127\.0\.0\.1:1 +joins +3 +0\.00 %/)
    const json = JSON.parse(
      await cli('plan', '--remove', `127.0.0.1:${backends[0]?.port}`, '--json'),
    )
    expect(json).toMatchObject({ pool: 'cache', after: { nodes: 2 } })
    const unknown = spawnRingway([
      ...['plan', '--remove', 'nobody', '--admin', `127.0.0.1:${after.admin}`],
    ])
    const code = await new Promise((resolve) => unknown.once('exit', resolve))
    expect(code).toBe(1)
  },
  LIVE_TIMEOUT_MS,
)
