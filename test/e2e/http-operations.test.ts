import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { HttpLoad, type LoadResult } from '../support/http-load.ts'
import { freePorts } from '../support/ports.ts'
import { admin, type NodeProcess, nodePorts, startNode, stopCluster } from '../support/ringway.ts'

const CLIENTS = 16
const PHASE_REQUESTS = 400
/** Beyond `retryBodyBytesMax`: a request with it is sent once. */
const UPLOAD = Buffer.alloc(100 * 1024, 'x')

/** One node for all: each test goes on where the one before it ended. */
let node: NodeProcess
let folder = ''
let file = ''
let port = 0
const apps: App[] = []

/** An application that can be deployed anew on its port. */
class App {
  readonly name: string
  port = 0
  #server: Server | undefined

  constructor(name: string) {
    this.name = name
  }

  async start(): Promise<this> {
    // A few milliseconds of work: requests are under way whenever something changes.
    const server = createServer((request, response) => {
      let bytes = 0
      request.on('data', (piece: Buffer) => {
        bytes += piece.length
      })
      request.on('end', () => {
        if (bytes !== Number(request.headers['content-length'] ?? 0)) response.statusCode = 500
        setTimeout(() => response.end(this.name), 3)
      })
    })
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve))
    this.port = (server.address() as AddressInfo).port
    this.#server = server
    return this
  }

  /** Accepts no more, and finishes what it has, as a good program does on SIGTERM. */
  async finish(): Promise<void> {
    await new Promise((resolve) => this.#server?.close(resolve))
  }

  kill(): void {
    this.#server?.closeAllConnections()
    this.#server?.close()
  }

  get id(): string {
    return `127.0.0.1:${this.port}`
  }
}

async function writeConfig(backends: readonly App[], more: object = {}): Promise<void> {
  await writeFile(
    file,
    JSON.stringify({
      pools: {
        app: {
          protocol: 'http',
          balance: 'round-robin',
          backends: backends.map(({ id }) => ({ url: `http://${id}` })),
          ...more,
        },
      },
      listeners: [{ protocol: 'http', bind: `127.0.0.1:${port}`, pool: 'app' }],
    }),
  )
}

async function post(path: string): Promise<void> {
  const url = `http://127.0.0.1:${node.ports.admin}/v1/${path}`
  const response = await fetch(url, { method: 'POST' })
  expect(response.ok, `${path}: ${response.status}`).toBe(true)
}

async function isQuiet(app: App): Promise<boolean> {
  const metrics = await fetch(`http://127.0.0.1:${node.ports.admin}/metrics`)
  return (await metrics.text()).includes(
    `ringway_backend_in_flight{pool="app",backend="${app.id}"} 0\n`,
  )
}

const said = (text: string) => eventually(text, () => node.log().includes(text))

function report(what: string, { answered, failures, servedBy, cut }: LoadResult): void {
  console.info(
    `${what}: ${answered} answered, ${[...failures].map(([key, n]) => `${n} x ${key}`).join(', ') || 'no failure'}, ${cut} cut; ${[...servedBy].map(([name, n]) => `${name} ${n}`).join(', ')}`,
  )
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ringway-operations-'))
  file = join(folder, 'ringway.yml')
  for (const name of ['a', 'b', 'c', 'd']) apps.push(await new App(name).start())
  port = (await freePorts(1))[0] ?? 0
  await writeConfig(apps.slice(0, 2))
  const { redis: _, ...ports } = await nodePorts()
  node = startNode('ops', ports, [], ['--config', file])
  await node.ready
}, 60_000)

afterAll(async () => {
  for (const app of apps) app.kill()
  if (node) await stopCluster([node])
  await rm(folder, { recursive: true, force: true })
})

describe('operations under load, one after the other', { shuffle: false }, () => {
  test('SIGHUP under load: other backends, no error; a wrong file changes nothing', async () => {
    const load = new HttpLoad(port, CLIENTS)
    await load.more(PHASE_REQUESTS)
    await writeConfig(apps.slice(1, 4), { drainTimeoutMs: 5_000 })
    node.kill('SIGHUP')
    const [a, b, c, d] = apps
    await said(`ringway reloaded pool app: +${c?.id}, +${d?.id}, -${a?.id}`)
    await load.more(PHASE_REQUESTS)
    await writeFile(file, '{ "pools": { "app": { "protocol": "htp" } } }')
    node.kill('SIGHUP')
    await said(
      `ringway not reloaded: ${file}:1:23: pools.app.protocol: found "htp"; allowed: store, redis`,
    )
    await load.more(PHASE_REQUESTS)
    const result = await load.stop()
    report('SIGHUP', result)
    expect(result.failures).toEqual(new Map())
    expect([...result.servedBy.keys()].sort()).toEqual(['a', 'b', 'c', 'd'])
    expect(b && (await admin<{ pools: unknown[] }>(node, '/v1/pools')).pools).toHaveLength(1)
  })

  test('a deploy of all backends one by one, drained first, loses no GET, no POST and no upload', async () => {
    const loads = [undefined, Buffer.from('a form'), UPLOAD].map(
      (body) => new HttpLoad(port, CLIENTS / 2, body),
    )
    const more = () => Promise.all(loads.map((load) => load.more(PHASE_REQUESTS / 8)))
    for (const app of apps.slice(1)) {
      await more()
      await post(`pools/app/backends/${app.id}/drain`)
      // A POST that was sent just before must not meet a server that closes connections which it thinks are idle.
      await eventually('its requests are answered', () => isQuiet(app))
      await app.finish()
      await more()
      await app.start()
      await post(`pools/app/backends/${app.id}/undrain`)
    }
    await more()
    const results = await Promise.all(loads.map((load) => load.stop()))
    for (const [at, result] of results.entries()) {
      report(`deploy, drained: ${['GETs', 'POSTs', 'uploads of 100 KB'][at]}`, result)
      expect(result.failures).toEqual(new Map())
      expect([...result.servedBy.keys()].sort()).toEqual(['b', 'c', 'd'])
    }
  })

  test('a deploy of servers that finish their requests, without draining, loses no GET', async () => {
    const load = new HttpLoad(port, CLIENTS)
    for (const app of apps.slice(1)) {
      await load.more(PHASE_REQUESTS / 2)
      await app.finish()
      await app.start()
      // The next one goes when this one serves again: a deploy waits for that, too.
      const before = load.result.servedBy.get(app.name) ?? 0
      await eventually(`${app.name} serves again`, async () => {
        await load.more(1)
        return (load.result.servedBy.get(app.name) ?? 0) > before
      })
    }
    const result = await load.stop()
    report('deploy, blunt', result)
    expect(result.failures).toEqual(new Map())
  })

  test('one is drained, one added and one killed under load: no GET is lost', async () => {
    const load = new HttpLoad(port, CLIENTS)
    const [a, b, c] = apps
    if (!a || !b || !c) return
    await load.more(PHASE_REQUESTS / 2)
    await post(`pools/app/backends/${b.id}/drain`)
    const url = `http://127.0.0.1:${node.ports.admin}/v1/pools/app/backends`
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify({ url: `http://${a.id}` })
    expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(201)
    await load.more(PHASE_REQUESTS / 2)
    c.kill()
    await load.more(PHASE_REQUESTS)
    const result = await load.stop()
    report('drain, add, kill', result)
    expect(result.failures).toEqual(new Map())
    expect(result.servedBy.get('a')).toBeGreaterThan(0)
  })

  test('SIGTERM under load: every request that was taken is answered whole, and the node exits with 0', async () => {
    const load = new HttpLoad(port, CLIENTS)
    await load.more(PHASE_REQUESTS)
    node.kill('SIGTERM')
    expect(await node.exited).toEqual({ code: 0, signal: null })
    const result = await load.stop()
    report('SIGTERM', result)
    expect(result.failures).toEqual(new Map())
    expect(result.cut).toBe(0)
  })
})
