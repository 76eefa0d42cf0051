import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type FakeRedis, fakeRedis } from '../support/fake-redis.ts'
import { plainClient } from '../support/redis-client.ts'
import {
  admin,
  type NodePorts,
  type NodeProcess,
  nodePorts,
  spawnRingway,
  startNode,
  stopCluster,
} from '../support/ringway.ts'

interface Backend {
  readonly id: string
  readonly state: string
  readonly weight: number
  readonly origin?: string
  readonly override?: { readonly by: string }
}

let nodes: NodeProcess[] = []
const cleanups: (() => Promise<unknown>)[] = []
afterEach(async () => {
  await stopCluster(nodes)
  nodes = []
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

async function servers(...names: readonly string[]): Promise<FakeRedis[]> {
  return await Promise.all(
    names.map(async (name) => {
      const server = await fakeRedis(name)
      await server.start()
      cleanups.push(() => server.stop())
      return server
    }),
  )
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'ringway-fleet-'))
  cleanups.push(() => rm(path, { recursive: true, force: true }))
  return path
}

/** Starts one node per configuration of the pool `cache`; they form one cluster. */
async function cluster(backends: readonly (readonly object[])[]): Promise<void> {
  const where = await folder()
  const ports = await Promise.all(backends.map(nodePorts))
  nodes = await Promise.all(backends.map((list, index) => start(where, index, list, ports)))
  await Promise.all(nodes.map(({ ready }) => ready))
}

async function start(
  where: string,
  index: number,
  backends: readonly object[],
  ports: readonly NodePorts[],
): Promise<NodeProcess> {
  const file = join(where, `node-${index + 1}.yml`)
  await writeFile(file, JSON.stringify({ pools: { cache: { protocol: 'redis', backends } } }))
  const own = ports[index]
  if (!own) throw new Error('no ports')
  return startNode(`node-${index + 1}`, own, ports.slice(0, index), ['--config', file])
}

async function backendsOf(node: NodeProcess): Promise<readonly Backend[]> {
  const { pools } = await admin<{ pools: readonly { backends: readonly Backend[] }[] }>(
    node,
    '/v1/pools',
  )
  return pools[0]?.backends ?? []
}

const states = async (node: NodeProcess) =>
  (await backendsOf(node)).map(({ id, state }) => `${id} ${state}`).join(', ')

async function everywhere(expected: string): Promise<void> {
  await eventually(`all nodes to say ${expected}`, async () => {
    const seen = await Promise.all(nodes.map(states))
    if (seen.every((one) => one === expected)) return true
    throw new Error(seen.join(' | '))
  })
}

/** Asks for many keys; the answers are the names of the backends that gave them. */
async function ask(node: NodeProcess, keys = 60): Promise<ReadonlySet<string>> {
  const client = await plainClient(node.ports.redis)
  const answers = await Promise.all(
    Array.from({ length: keys }, (_, i) => client.get(`key:${i}`).catch(() => 'error')),
  )
  client.disconnect()
  return new Set(answers.map(String))
}

/** What the command line asks for, without a process of its own for each change. */
async function change(
  node: NodeProcess,
  method: 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${node.ports.admin}/v1/${path}`, {
    method,
    ...(body
      ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
      : {}),
  })
  return `${response.status} ${await response.text()}`
}

async function ringway(...args: readonly string[]): Promise<string> {
  const child = spawnRingway(args)
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (bytes: Buffer) => {
      said += bytes.toString()
    })
  const code = await new Promise((resolve) => child.once('close', resolve))
  return `${code} ${said.trim()}`
}

const adminUrl = (node: NodeProcess | undefined) => [
  '--admin',
  `http://127.0.0.1:${node?.ports.admin}`,
]

test('changes of backends at run time are seen by all nodes, late ones included', async () => {
  const [a, b, c] = await servers('a', 'b', 'c')
  const listed = [a, b].map((server) => ({
    id: server?.name,
    url: `redis://127.0.0.1:${server?.port}`,
  }))
  await cluster([listed, listed])
  const [first, second] = nodes
  if (!first || !second) return
  expect(await ask(second)).toEqual(new Set(['a', 'b']))

  const url = `redis://127.0.0.1:${c?.port}`
  expect(
    await ringway('backend', 'add', 'cache', url, '--id', 'c', '--weight', '2', ...adminUrl(first)),
  ).toMatch(/^0 c is added/)
  await everywhere('a up, b up, c up')
  expect(await ask(second)).toEqual(new Set(['a', 'b', 'c']))

  const path = 'pools/cache/backends'
  expect(await change(second, 'POST', `${path}/a/drain`)).toMatch(/^200 .*"draining":true/)
  expect(await change(second, 'POST', `${path}/b/weight`, { weight: 3 })).toMatch(/^200 .*:3/)
  await everywhere('a draining, b up, c up')
  expect(await ask(first)).toEqual(new Set(['b', 'c']))

  expect(await change(first, 'DELETE', `${path}/a`)).toMatch(/^204/)
  await everywhere('b up, c up')
  expect(await ringway('members', ...adminUrl(second))).toMatch(
    /pool cache: backend c: added \(at run time, on node-1\)[\s\S]*backend a: removed/,
  )

  // A member that starts now reads the old file, and hears of the changes over its links.
  const ports = await nodePorts()
  const late = await start(await folder(), 2, listed, [first.ports, second.ports, ports])
  nodes.push(late)
  await late.ready
  await everywhere('b up, c up')
  expect((await backendsOf(late)).map(({ id, weight }) => [id, weight])).toEqual([
    ['b', 3],
    ['c', 2],
  ])

  expect(await change(late, 'POST', `${path}/a/reset`)).toMatch(/^200/)
  await everywhere('a up, b up, c up')
})

test('changes that would not work are refused with the reason', async () => {
  const [a] = await servers('a')
  await cluster([[{ id: 'a', url: `redis://127.0.0.1:${a?.port}` }]])
  const [node] = nodes
  if (!node) return
  const path = 'pools/cache/backends'
  expect(await change(node, 'DELETE', `${path}/a`)).toMatch(/^409 .*last backend.*add another/)
  expect(await change(node, 'POST', `${path}/x/drain`)).toMatch(/^404 .*no backend x .*: a/)
  expect(await change(node, 'POST', 'pools/other/backends/a/drain')).toMatch(/^404 .*pools: cache/)
  const add = (body: object) => change(node, 'POST', path, body)
  expect(await add({ url: 'redis://h:1', id: 'a' })).toMatch(/^409 .*already/)
  expect(await add({ url: 'no url' })).toMatch(/^400 .*redis:\/\/HOST:PORT/)
  expect(await change(node, 'POST', `${path}/a/weight`, { weight: -1 })).toMatch(/^400 /)
  expect(await ringway('drain', 'nobody', ...adminUrl(node))).toMatch(/^1 .*no link.*node-1/)
})

test('one router’s bad network takes no backend out; a dead backend is out for all, and comes back', async () => {
  const [a, b, c, wire] = await servers('a', 'b', 'c', 'a')
  const list = (portOfA: number | undefined) =>
    [portOfA, b?.port, c?.port].map((port, index) => ({
      id: 'abc'[index],
      url: `redis://127.0.0.1:${port}`,
    }))
  // The first node reaches `a` over a wire of its own.
  await cluster([list(wire?.port), list(a?.port), list(a?.port)])
  const [first, second, third] = nodes
  if (!first || !second || !third) return
  for (const node of nodes) expect(await ask(node)).toEqual(new Set(['a', 'b', 'c']))

  await wire?.stop()
  await ask(first)
  expect(await ask(first)).toEqual(new Set(['b', 'c']))
  expect(await states(first)).toBe('a avoided, b up, c up')
  // Longer than a verdict takes to be told and counted: three votes are in, one of them down.
  await eventually('the votes are counted', async () => {
    const log = await eventsOf(first)
    return log.some(({ type }) => type === 'backend-avoided')
  })
  expect(await states(second)).toBe('a up, b up, c up')
  expect(await ask(second)).toEqual(new Set(['a', 'b', 'c']))

  await a?.stop()
  await ask(second)
  await everywhere('a out, b up, c up')
  expect(await ask(third)).toEqual(new Set(['b', 'c']))

  await a?.start()
  await wire?.start()
  await everywhere('a up, b up, c up')
  expect(await ask(third)).toEqual(new Set(['a', 'b', 'c']))
  const types = (await eventsOf(third)).map(({ type }) => type)
  expect(types).toContain('backend-out')
  expect(types).toContain('backend-back')
})

test('a file of backends is followed, and a broken one changes nothing', async () => {
  const [a, b] = await servers('a', 'b')
  const file = join(await folder(), 'backends')
  const line = (server: FakeRedis | undefined) =>
    `redis://127.0.0.1:${server?.port} id=${server?.name} # ${server?.name}\n`
  await writeFile(file, line(a))
  await cluster([[{ file, refreshMs: 200 }]])
  const [node] = nodes
  if (!node) return
  await everywhere('a up')
  await writeFile(file, line(a) + line(b))
  await everywhere('a up, b up')
  await writeFile(file, `${line(b)}redis://x:1 wait=1\n`)
  await eventually('the fault is told', async () =>
    (await eventsOf(node)).some(
      ({ type, facts }) => type === 'source-failed' && /wait=1.*allowed/.test(String(facts.text)),
    ),
  )
  expect(await states(node)).toBe('a up, b up')
  await writeFile(file, line(b))
  await everywhere('b up')
})

test('a member is drained, taken back and sent away by name', async () => {
  const ports = await Promise.all([nodePorts(), nodePorts(), nodePorts()])
  nodes = ports.map((own, i) => startNode(`node-${i + 1}`, own, ports.slice(0, i)))
  await Promise.all(nodes.map(({ ready }) => ready))
  const [first, second, third] = nodes
  if (!first || !second || !third) return
  const client = await plainClient(first.ports.redis)
  for (let i = 0; i < 200; i++) await client.set(`k${i}`, `v${i}`)

  const share = async () => {
    const { pools } = await admin<{
      pools: readonly { backends: readonly { id: string; share: number }[] }[]
    }>(first, '/v1/pools')
    return pools[0]?.backends.find(({ id }) => id === 'node-3')?.share ?? 0
  }
  expect(await ringway('drain', 'node-3', ...adminUrl(first))).toMatch(/^0 node-3/)
  await eventually('node-3 owns nothing', async () => (await share()) === 0)
  const ready = await fetch(`http://127.0.0.1:${third.ports.admin}/readyz`)
  expect([ready.status, ((await ready.json()) as { reason: string }).reason]).toEqual([
    503,
    'the node is drained',
  ])
  expect(await change(second, 'POST', 'members/node-3/undrain')).toMatch(/^202/)
  await eventually('node-3 owns its share again', async () => (await share()) > 0.2)
  expect(await change(second, 'POST', 'members/node-3/leave')).toMatch(/^202/)
  expect(await third.exited).toEqual({ code: 0, signal: null })
  for (let i = 0; i < 200; i++) expect(await client.get(`k${i}`)).toBe(`v${i}`)
  client.disconnect()
})

interface NodeEvent {
  readonly type: string
  readonly facts: Readonly<Record<string, unknown>>
}

/** What the stream has at once. */
async function eventsOf(node: NodeProcess): Promise<readonly NodeEvent[]> {
  const response = await fetch(`http://127.0.0.1:${node.ports.admin}/v1/events`)
  const reader = response.body?.getReader()
  let text = ''
  // The stream does not end: the first answer has all events that are kept, unless they are many.
  while (reader && !text.includes('data: ')) text += Buffer.from((await reader.read()).value ?? [])
  await reader?.cancel()
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: ') && line.endsWith('}'))
    .map((line) => JSON.parse(line.slice(6)) as NodeEvent)
}
