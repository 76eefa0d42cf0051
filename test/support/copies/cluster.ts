import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../ports.ts'
import { type RedisServer, startRedis } from '../redis-server.ts'
import { type NodeProcess, nodePorts, startNode, stopCluster } from '../ringway.ts'

/** Redis servers, and nodes of one cluster with a pool over them. */
export interface CopiesCluster {
  readonly servers: RedisServer[]
  readonly nodes: readonly NodeProcess[]
  stop(): Promise<void>
}

/** Starts them; `pool` are further lines of the pool's configuration, such as `replicas: 2`. */
export async function startCopiesCluster(
  servers: number,
  nodes: number,
  pool: readonly string[],
): Promise<CopiesCluster> {
  const running = await Promise.all((await freePorts(servers)).map(startRedis))
  const folder = await mkdtemp(join(tmpdir(), 'ringway-copies-'))
  const file = join(folder, 'ringway.yml')
  const backends = running.map(({ port }) => `      - { url: "redis://127.0.0.1:${port}" }`)
  const lines = ['pools:', '  cache:', '    protocol: redis', ...pool.map((line) => `    ${line}`)]
  await writeFile(file, [...lines, '    backends:', ...backends, ''].join('\n'))
  const ports = await Promise.all(Array.from({ length: nodes }, nodePorts))
  const started = ports.map((own, index) =>
    startNode(`node-${index}`, own, ports.slice(0, index), ['--config', file]),
  )
  const stop = async () => {
    await stopCluster(started)
    await Promise.all(running.map((server) => server.stop()))
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await Promise.all(started.map(({ ready }) => ready))
  } catch (error) {
    await stop()
    throw error
  }
  return { servers: running, nodes: started, stop }
}
