import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'
import { freePorts } from './ports.ts'
import { admin, type NodeProcess, nodePorts, startNode, stopCluster } from './ringway.ts'

/** Two nodes of one cluster with the same HTTP listeners in front of the pool `app`. */
export interface HttpRouters {
  readonly nodes: readonly NodeProcess[]
  /** Ports of the first and the second node, for each list of routes. */
  readonly ports: readonly (readonly [number, number])[]
  /** Asks a node to change a backend of the pool, and answers when it has. */
  change(at: number, method: string, path: string, body?: object): Promise<void>
  stop(): Promise<void>
}

const SECRET = 'a secret of the test that is long enough'

const SLOW = { timeoutMs: 60_000 }

async function isSafe(node: NodeProcess): Promise<boolean> {
  const { pools } = await admin<{ pools: { store?: { safe: boolean } }[] }>(node, '/v1/pools')
  return pools.some(({ store }) => store?.safe === true)
}

/** @param listeners - the routes of each listener */
export async function startHttpRouters(
  backends: readonly number[],
  listeners: readonly (readonly object[])[],
  pool: object = {},
): Promise<HttpRouters> {
  const folder = await mkdtemp(join(tmpdir(), 'ringway-http-'))
  const own = [await nodePorts(), await nodePorts()]
  const http = await freePorts(2 * listeners.length)
  const portOf = (listener: number, at: number) => http[2 * listener + at] ?? 0
  const nodes: NodeProcess[] = []
  for (const [at, ports] of own.entries()) {
    const file = join(folder, `${at}.yml`)
    await writeFile(
      file,
      JSON.stringify({
        cookie: { secrets: [SECRET] },
        pools: {
          store: { protocol: 'store' },
          app: {
            protocol: 'http',
            backends: backends.map((port) => ({ url: `http://127.0.0.1:${port}` })),
            ...pool,
          },
        },
        listeners: [
          { protocol: 'redis', bind: `127.0.0.1:${ports.redis}`, pool: 'store' },
          ...listeners.map((routes, listener) => ({
            protocol: 'http',
            bind: `127.0.0.1:${portOf(listener, at)}`,
            routes,
          })),
        ],
      }),
    )
    const seeds = own.slice(0, at)
    // Sessions are what is tested, not how fast deaths are found: a busy machine must not look like one.
    const flags = ['--profile', 'lan', '--config', file]
    nodes.push(startNode(`router-${at}`, ports, seeds, flags))
  }
  await Promise.all(nodes.map(({ ready }) => ready))
  // Learned sessions are kept in the store: from here on its slots do not move.
  await Promise.all(nodes.map((node) => eventually('the store is safe', () => isSafe(node), SLOW)))
  return {
    nodes,
    ports: listeners.map((_, listener) => [portOf(listener, 0), portOf(listener, 1)]),
    async change(at, method, path, body) {
      const url = `http://127.0.0.1:${nodes[at]?.ports.admin}/v1/pools/app/backends${path}`
      const response = await fetch(url, {
        method,
        ...(body && {
          body: JSON.stringify(body),
          headers: { 'content-type': 'application/json' },
        }),
      })
      if (!response.ok) throw new Error(`${method} ${path}: ${await response.text()}`)
    },
    async stop() {
      await stopCluster(nodes)
      await rm(folder, { recursive: true, force: true })
    },
  }
}
