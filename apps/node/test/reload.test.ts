import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { createNode, type NodeOptions, type RingwayNode } from '../src/index.ts'

const nodes: RingwayNode[] = []
const cleanups: (() => void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) cleanup()
  await Promise.all(nodes.splice(0).map((node) => node.close()))
})

/** An application that answers with its name. */
async function startApp(name: string): Promise<string> {
  const server = createServer((_, response) => response.end(name))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const bind = '127.0.0.1:0'
const http = (pool: string) => ({ protocol: 'http' as const, bind, routes: [{ pool }] })
const pool = (...urls: readonly string[]) => ({
  protocol: 'http' as const,
  backends: urls.map((url) => ({ url })),
})

async function start(options: NodeOptions, readOptions?: () => NodeOptions): Promise<RingwayNode> {
  const node = await createNode(
    { name: 'a', profile: 'local', logLevel: 'silent', gossip: { bind }, ...options },
    readOptions ? { readOptions } : {},
  )
  nodes.push(node)
  return node
}

const portOf = (node: RingwayNode, at = 0) => node.addresses.listeners[at]?.address.port ?? 0

async function get(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`)
  return `${response.status} ${await response.text()}`
}

describe('a reload', () => {
  const base = { name: 'a', profile: 'local', logLevel: 'silent', gossip: { bind } } as const

  test('changes pools and routes under a connection that stays open', async () => {
    const [one, two] = await Promise.all([startApp('one'), startApp('two')])
    const node = await start({ pools: { app: pool(one) }, listeners: [http('app')] })
    const port = portOf(node)
    const socket = connect(port, '127.0.0.1').setEncoding('latin1')
    cleanups.push(() => socket.destroy())
    const ask = async () => {
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      for (let text = ''; ; ) {
        text += await new Promise<string>((resolve) => socket.once('data', resolve))
        const found = /\r\n\r\n(one|two)/.exec(text)
        if (found) return found[1]
      }
    }
    expect(await ask()).toBe('one')
    const report = await node.reload({
      ...base,
      pools: { app: pool(one), next: pool(two) },
      listeners: [http('next')],
    })
    expect(report).toEqual({
      changed: ['pool next is new', `listener http ${bind}: pool, routes`],
      needsRestart: [],
      problems: [],
    })
    expect(await ask()).toBe('two')
    const again = await node.reload({
      ...base,
      pools: { next: pool(one) },
      listeners: [http('next')],
    })
    expect(again.changed).toEqual([
      `pool next: +${one.slice(7)}, -${two.slice(7)}`,
      'pool app is gone',
    ])
    expect(await ask()).toBe('one')
    expect(portOf(node)).toBe(port)
    expect(
      await node.reload({ ...base, pools: { next: pool(one) }, listeners: [http('next')] }),
    ).toEqual({ changed: [], needsRestart: [], problems: [] })
  })

  test('opens new listeners, and closes those that are gone when their last request is answered', async () => {
    const one = await startApp('one')
    const held: (() => void)[] = []
    const server = createServer((_, response) => {
      held.push(() => response.end('late'))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    cleanups.push(() => server.close())
    const slow = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const pools = { app: pool(one), slow: pool(slow) }
    const node = await start({ pools, listeners: [http('slow')] })
    const old = portOf(node)
    const answer = get(old)
    await until(() => held.length === 1)
    const [free] = await freePorts(1)
    const listeners = [{ ...http('app'), bind: `127.0.0.1:${free}` }]
    const report = await node.reload({ ...base, pools, listeners })
    expect(report.changed).toEqual([
      `listener http 127.0.0.1:${free} is new`,
      `listener http ${bind} is gone`,
    ])
    expect(node.addresses.listeners.map(({ address }) => address.port)).toEqual([free])
    expect(await get(free ?? 0)).toBe('200 one')
    await expect(get(old)).rejects.toThrow()
    held[0]?.()
    expect(await answer).toBe('200 late')
  })

  test('takes nothing of a configuration that is wrong, and goes on', async () => {
    const one = await startApp('one')
    const pools = { app: pool(one) }
    const node = await start({ pools, listeners: [http('app')] })
    const wrong: readonly NodeOptions[] = [
      { ...base, pools, listeners: [http('moon')] },
      { ...base, pools: { app: { protocol: 'http', backends: [] } } },
      { ...base, pools, listeners: [{ ...http('app'), bind: one.slice(7) }] },
      {
        ...base,
        pools,
        listeners: [{ ...http('app'), trustedProxies: ['moon'] }],
      },
    ]
    const said: string[] = []
    for (const options of wrong)
      said.push(await node.reload(options).then(String, (error: Error) => error.message))
    expect(said).toEqual([
      expect.stringContaining('listeners.0.pool: found "moon"; allowed: app'),
      expect.stringContaining('pools.app.backends'),
      expect.stringContaining(`cannot listen on ${one.slice(7)}`),
      expect.stringContaining('moon'),
    ])
    expect(await get(portOf(node))).toBe('200 one')
    expect(await node.reload({ ...base, pools, listeners: [http('app')] })).toMatchObject({
      changed: [],
    })
  })

  test('names what needs a restart, and takes the rest', async () => {
    const node = await start({
      pools: { store: { protocol: 'store' } },
      listeners: [{ protocol: 'redis', bind, pool: 'store' }],
    })
    await node.store.set('key', 'value')
    const report = await node.reload({
      name: 'b',
      weight: 2,
      profile: 'local',
      logLevel: 'error',
      drainTimeoutMs: 1_000,
      gossip: { bind: '127.0.0.1:7', join: ['127.0.0.1:8'] },
      peer: { bind },
      admin: { bind },
      pools: { store: { protocol: 'store', replicas: 3, maxMemory: '1mb' } },
      listeners: [{ protocol: 'redis', bind, pool: 'store', auth: { password: 'p' } }],
    })
    expect(report).toEqual({
      changed: [
        `listener redis ${bind}: auth`,
        'logLevel silent -> error',
        'drainTimeoutMs 5000 -> 1000',
      ],
      needsRestart: [
        'name',
        'weight',
        'gossip.bind',
        'gossip.join',
        'admin.bind',
        'pools.store.replicas',
        'pools.store.maxMemory',
      ],
      problems: [],
    })
    expect(await node.store.get('key')).toBe('value')
    expect(node.name).toBe('a')
  })

  test('a store pool that comes, goes or is renamed waits for a restart, and so do its listeners', async () => {
    const one = await startApp('one')
    const node = await start({ pools: { app: pool(one) }, listeners: [http('app')] })
    const report = await node.reload({
      ...base,
      pools: { app: pool(one), sessions: { protocol: 'store' } },
      listeners: [http('app'), { protocol: 'redis', bind, pool: 'sessions' }],
    })
    expect(report.needsRestart).toEqual(['pools.sessions', 'listeners.1'])
    expect(report.changed).toEqual([])
    expect(node.addresses.listeners).toHaveLength(1)
  })

  test('reads the options itself where it was told how, one reload after the other', async () => {
    const [one, two] = await Promise.all([startApp('one'), startApp('two')])
    let urls = [one]
    let reads = 0
    const read = (): NodeOptions => {
      reads++
      return { ...base, pools: { app: pool(...urls) }, listeners: [http('app')] }
    }
    const node = await start(read(), read)
    urls = [two]
    reads = 0
    const reports = await Promise.all(Array.from({ length: 20 }, () => node.reload()))
    expect(reads).toBeLessThanOrEqual(2)
    expect(reports[0]?.changed).toHaveLength(1)
    expect(await get(portOf(node))).toBe('200 two')

    const embedded = await start({ ...base, name: 'b', gossip: { bind } })
    await expect(embedded.reload()).rejects.toMatchObject({ code: 'CHANGE_REFUSED' })
  })
})

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('the condition did not hold in time')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  await Promise.all(
    servers.map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))),
  )
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  for (const server of servers) server.close()
  return ports
}
