import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { freePorts } from '../support/ports.ts'
import { type NodeProcess, nodePorts, startNode, stopCluster } from '../support/ringway.ts'

const apps: Server[] = []
let nodes: NodeProcess[] = []
afterEach(async () => {
  for (const app of apps.splice(0)) stop(app)
  await stopCluster(nodes)
  nodes = []
})

function stop(app: Server): void {
  app.closeAllConnections()
  app.close()
}

async function startApp(): Promise<number> {
  const app = createServer((_, response) => response.end(String(port)))
  apps.push(app)
  const port = await new Promise<number>((resolve) => {
    app.listen(0, '127.0.0.1', () => resolve((app.address() as AddressInfo).port))
  })
  return port
}

test('GETs over five app servers, one of which is killed: every one is answered with 2xx', async () => {
  const backends = await Promise.all(Array.from({ length: 5 }, startApp))
  const { redis: _, ...ports } = await nodePorts()
  const [http = 0] = await freePorts(1)
  const node = startNode(
    'a',
    ports,
    [],
    [
      ...['--http', `127.0.0.1:${http}`],
      ...['--http-backends', backends.map((port) => `127.0.0.1:${port}`).join(',')],
    ],
  )
  nodes = [node]
  expect(await node.ready).toContain(`http=127.0.0.1:${http}`)

  const served = new Map<string, number>()
  const statuses = new Set<number>()
  const client = async (requests: number) => {
    for (let i = 0; i < requests; i++) {
      const response = await fetch(`http://127.0.0.1:${http}/`)
      statuses.add(response.status)
      const by = await response.text()
      served.set(by, (served.get(by) ?? 0) + 1)
    }
  }
  const load = Promise.all(Array.from({ length: 8 }, () => client(100)))
  await client(20)
  const [victim] = apps
  if (victim !== undefined) stop(victim)
  await load
  await client(20)
  expect([...statuses]).toEqual([200])
  expect(served.size).toBe(5)
})
