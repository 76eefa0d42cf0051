import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { createNode, NodeError, type NodeOptions, type RingwayNode } from '../src/index.ts'

const nodes: RingwayNode[] = []
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()))
})

async function start(
  name: string,
  options: NodeOptions = {},
  seed?: RingwayNode,
): Promise<RingwayNode> {
  const node = await createNode({
    name,
    profile: 'local',
    logLevel: 'silent',
    ...options,
    gossip: {
      bind: '127.0.0.1:0',
      join: seed ? [`127.0.0.1:${seed.addresses.gossip.port}`] : [],
      ...options.gossip,
    },
  })
  nodes.push(node)
  return node
}

describe('createNode', () => {
  test("three members agree on owners, and serve each other's keys", async () => {
    const a = await start('a')
    const b = await start('b', {}, a)
    const c = await start('c', {}, a)
    await untilMembers(3, a, b, c)

    for (let index = 0; index < 100; index++) {
      const key = `key:${index}`
      expect(b.owners(key, 2)).toEqual(a.owners(key, 2))
      expect([a, b, c].filter((node) => node.isMine(key)).map(({ name }) => name)).toEqual([
        c.owner(key),
      ])
      await [a, b, c][index % 3]?.store.set(key, `value ${index}`)
    }
    for (let index = 0; index < 100; index++)
      expect(await [b, c, a][index % 3]?.store.get(`key:${index}`)).toBe(`value ${index}`)
    expect(await a.store.delete('key:1')).toBe(true)
    expect(await b.store.get('key:1')).toBeNull()
  })

  test('a member that closes leaves no key behind', async () => {
    const a = await start('a')
    const b = await start('b', {}, a)
    await untilMembers(2, a, b)
    for (let index = 0; index < 200; index++) await b.store.set(`key:${index}`, String(index))

    await a.close()
    await untilMembers(1, b)
    for (let index = 0; index < 200; index++)
      expect(await b.store.get(`key:${index}`)).toBe(String(index))
  })

  test('members that name each other as seeds found one cluster together', async () => {
    const [first, second, third] = await freePorts(3)
    const ports = [first, second, third]
    const starts = ports.map((port, index) =>
      start(`member-${index}`, {
        gossip: {
          bind: `127.0.0.1:${port}`,
          join: ports.filter((other) => other !== port).map((other) => `127.0.0.1:${other}`),
        },
        peer: { bind: '127.0.0.1:0' },
      }),
    )
    const [a, b, c] = (await Promise.all(starts)) as [RingwayNode, RingwayNode, RingwayNode]
    await untilMembers(3, a, b, c)
    await a.store.set('key', 'value')
    expect(await c.store.get('key')).toBe('value')
    expect(await b.store.get('key')).toBe('value')
  })

  test('founders that name each other and start apart become one cluster', async () => {
    const [first, second] = await freePorts(2)
    const join = [`127.0.0.1:${first}`, `127.0.0.1:${second}`]
    const a = await start('a', { gossip: { bind: `127.0.0.1:${first}`, join } })
    await a.store.set('old', '1')
    const b = await start('b', { gossip: { bind: `127.0.0.1:${second}`, join } })
    await untilMembers(2, a, b)
    expect(await b.store.get('old')).toBe('1')
  })

  test('a founder with a snapshot joins the cluster that it remembers', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'node-'))
    const gossip = { snapshot: join(folder, 'a.peers') }
    const a = await start('a', { gossip })
    const b = await start('b', {}, a)
    await untilMembers(2, a, b)
    await b.store.set('key', 'value')
    await a.close()
    const again = await start('a', { gossip })
    await untilMembers(2, again, b)
    expect(await again.store.get('key')).toBe('value')
    await again.close()
    await rm(folder, { recursive: true })
  })

  test('a file of seeds is followed: two clusters that started apart become one', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'node-'))
    const path = join(folder, 'seeds')
    await writeFile(path, '# nobody yet\n')
    const a = await start('a')
    await a.store.set('key', 'value')
    const [port] = await freePorts(1)
    const own = `127.0.0.1:${port}`
    const b = await start('b', { gossip: { bind: own, join: [own, `file:${path}`] } })
    expect(b.members).toHaveLength(1)
    await writeFile(path, `127.0.0.1:${a.addresses.gossip.port}\n`)
    await untilMembers(2, a, b)
    await expect.poll(() => b.store.get('key'), { timeout: 20_000 }).toBe('value')
    await rm(folder, { recursive: true })
  })

  test('errors of the store are thrown with their code', async () => {
    const a = await start('a')
    await a.store.set('text', 'not a number')
    await expect(a.store.command('INCR', 'text')).rejects.toMatchObject({
      name: 'StoreReplyError',
      code: 'ERR',
    })
  })

  test('close is idempotent, and the store says that the node is closed', async () => {
    const a = await start('a')
    await Promise.all([a.close(), a.close()])
    await a.close()
    await expect(a.store.get('x')).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('a port in use stops the start with its number, and nothing is left running', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as { port: number }
    const attempt = start('a', {
      listeners: [{ protocol: 'redis', bind: `127.0.0.1:${port}`, pool: 'store' }],
    })
    await expect(attempt).rejects.toThrow(NodeError)
    await expect(attempt).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    })
    taken.close()
  })

  test('a node whose seeds do not answer founds nothing, and can be given up', async () => {
    const stop = new AbortController()
    const lone = createNode(
      {
        name: 'lone',
        profile: 'local',
        logLevel: 'silent',
        gossip: { bind: '127.0.0.1:0', join: ['127.0.0.1:1'] },
      },
      { signal: stop.signal },
    )
    const outcome = lone.then(
      () => 'started',
      (error: Error) => error.name,
    )
    const timer = new Promise((resolve) => setTimeout(() => resolve('still waiting'), 1_500))
    expect(await Promise.race([outcome, timer])).toBe('still waiting')
    stop.abort()
    expect(await outcome).toBe('AbortError')
  })
})

/** Waits by topology events, with the test's own deadline. */
async function untilMembers(count: number, ...of: readonly RingwayNode[]): Promise<void> {
  await Promise.all(
    of.map(
      (node) =>
        new Promise<void>((resolve) => {
          const check = () => {
            if (
              node.members.length !== count ||
              node.members.some(({ state }) => state !== 'active')
            )
              return
            node.off('topology', check)
            resolve()
          }
          node.on('topology', check)
          check()
        }),
    ),
  )
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
