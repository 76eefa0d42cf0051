import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../../../test/support/eventually.ts'
import { freePorts } from '../../../test/support/ports.ts'
import { createNode, type NodeOptions, type RingwayNode } from '../src/index.ts'

const nodes: RingwayNode[] = []
const apps: Server[] = []
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()))
  for (const app of apps.splice(0)) stop(app)
})

function stop(app: Server): void {
  app.closeAllConnections()
  app.close()
}

/** Answers with its name, or with a status that the path names. */
async function startApp(name: string): Promise<Server> {
  const app = createServer((request, response) => {
    response.statusCode = Number(/\d+/.exec(request.url ?? '')?.[0] ?? 200)
    response.end(name)
  })
  apps.push(app)
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
  return app
}

const portOf = (app: Server) => (app.address() as AddressInfo).port

/** A member with an HTTP listener; `urls` are where it believes the backends `b0`, `b1`, … to be. */
async function start(
  name: string,
  ports: readonly number[],
  more: Partial<NodeOptions> = {},
  seed?: RingwayNode,
): Promise<RingwayNode> {
  const node = await createNode({
    name,
    profile: 'local',
    logLevel: 'silent',
    gossip: {
      bind: '127.0.0.1:0',
      join: seed ? [`127.0.0.1:${seed.addresses.gossip.port}`] : [],
    },
    pools: {
      app: {
        protocol: 'http',
        balance: 'round-robin',
        backends: ports.map((port, at) => ({ url: `http://127.0.0.1:${port}`, id: `b${at}` })),
      },
    },
    listeners: [{ protocol: 'http', bind: '127.0.0.1:0', pool: 'app' }],
    admin: { bind: '127.0.0.1:0' },
    ...more,
  })
  nodes.push(node)
  return node
}

function listenerOf(node: RingwayNode): string {
  const { host, port } = node.addresses.listeners[0]?.address ?? { host: '', port: 0 }
  return `http://${host}:${port}`
}

async function admin(node: RingwayNode, path: string): Promise<string> {
  const { host = '', port = 0 } = node.addresses.admin ?? {}
  return (await fetch(`http://${host}:${port}${path}`)).text()
}

async function states(node: RingwayNode): Promise<Readonly<Record<string, string>>> {
  const { pools } = JSON.parse(await admin(node, '/v1/pools')) as {
    pools: { backends: { id: string; state: string }[] }[]
  }
  return Object.fromEntries((pools[0]?.backends ?? []).map(({ id, state }) => [id, state]))
}

test('a router with a bad network avoids a backend alone; a backend that is dead goes out for all', async () => {
  const [first, second] = await Promise.all([startApp('b0'), startApp('b1')])
  const good = [portOf(first), portOf(second)]
  let asked = 0
  first.on('connection', () => asked++)
  const [refused = 0] = await freePorts(1)
  const a = await start('a', good)
  const b = await start('b', good, {}, a)
  // The network between this member and b0 is gone: there nobody answers.
  const c = await start('c', [refused, portOf(second)], {}, a)
  await eventually('all members see each other', () =>
    nodes.every(({ members }) => members.length === 3),
  )

  for (let i = 0; i < 4; i++) expect(await (await fetch(listenerOf(c))).text()).toBe('b1')
  await eventually('c avoids b0', async () => (await states(c))['b0'] === 'avoided')
  // Neither of the others has asked b0 before: told of it, they ask, and find it well.
  await eventually('the others have asked b0', () => asked >= 2)
  for (const node of [a, b]) expect(await states(node)).toEqual({ b0: 'up', b1: 'up' })

  stop(first)
  await eventually('b0 is out for all', async () => {
    const seen = await Promise.all([a, b, c].map(states))
    return seen.every((state) => state['b0'] === 'out' && state['b1'] === 'up')
  })
})

test('HTTP pools are in /metrics: responses by class, ejections, first bytes', async () => {
  const [first, second] = await Promise.all([startApp('b0'), startApp('b1')])
  const node = await start('a', [portOf(first), portOf(second)])
  for (const path of ['/200', '/200', '/404', '/404', '/500', '/500'])
    await fetch(`${listenerOf(node)}${path}`)
  for (let i = 0; i < 10; i++) await fetch(`${listenerOf(node)}/503`)
  const text = await admin(node, '/metrics')
  const lineOf = (name: string, ...labels: readonly string[]) =>
    text.split('\n').find((line) => line.startsWith(name) && labels.every((l) => line.includes(l)))
  const ofB0 = ['pool="app"', 'backend="b0"']
  expect(lineOf('ringway_http_responses_total', ...ofB0, 'status="2xx"')).toMatch(/ 1$/)
  expect(lineOf('ringway_http_responses_total', ...ofB0, 'status="4xx"')).toMatch(/ 1$/)
  expect(text).toContain('# TYPE ringway_http_first_byte_seconds histogram')
  expect(lineOf('ringway_http_first_byte_seconds_bucket', ...ofB0, 'le="+Inf"')).toMatch(/ [89]$/)
  expect(lineOf('ringway_http_first_byte_seconds_count', ...ofB0)).toMatch(/ [89]$/)
  const ejected = ['b0', 'b1'].map((id) => lineOf('ringway_http_ejected', `backend="${id}"`))
  expect(ejected.map((line) => Number(line?.split(' ').at(-1))).sort()).toEqual([0, 1])
  expect(lineOf('ringway_http_panic', 'pool="app"')).toMatch(/ 0$/)
  expect(Object.values(await states(node)).sort()).toEqual(['ejected', 'up'])
})
