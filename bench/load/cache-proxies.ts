import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Certificate } from './certificate.ts'
import { type Contender, started } from './contender.ts'
import { freePorts } from './programs.ts'

export type CacheProtocol = 'redis' | 'memcached'

/** Two real servers, which every proxy uses. */
export interface CacheServers {
  readonly protocol: CacheProtocol
  readonly ports: readonly number[]
}

/** As many clients as the router serves by default. */
const CLIENTS_MAX = 10_000
const RINGWAY = fileURLToPath(new URL('../../../apps/node/dist/main.js', import.meta.url))

export async function startServers(
  protocol: CacheProtocol,
): Promise<CacheServers & { pid: number | undefined }> {
  const ports = await freePorts(2)
  const children = await Promise.all(
    ports.map((port) =>
      protocol === 'redis'
        ? started(port, 'redis-server', [
            ...`--port ${port} --bind 127.0.0.1 --appendonly no --save`.split(' '),
            '',
          ])
        : started(port, 'memcached', `-l 127.0.0.1 -p ${port} -U 0 -u root -m 512 -t 1`.split(' ')),
    ),
  )
  return { protocol, ports, pid: children[0]?.pid }
}

/** The daemon as users start it, with all its limits. */
export async function startRingway(
  folder: string,
  { protocol, ports }: CacheServers,
  tls?: Certificate,
): Promise<Contender> {
  const [port = 0, gossip = 0, peer = 0, admin = 0] = await freePorts(4)
  const file = join(folder, `ringway-${port}.json`)
  const bind = `127.0.0.1:${port}`
  writeFileSync(
    file,
    JSON.stringify({
      pools: {
        cache: {
          protocol,
          backends: ports.map((each) => ({ url: `${protocol}://127.0.0.1:${each}` })),
        },
      },
      listeners: [
        {
          ...{ protocol, bind, pool: 'cache' },
          ...(tls === undefined ? {} : { tls: { certificates: [tls] } }),
        },
      ],
    }),
  )
  const { pid } = await started(port, process.execPath, [
    ...[RINGWAY, 'start', '--config', file, '--no-snapshot', '--log-level', 'warn'],
    ...['--gossip', `127.0.0.1:${gossip}`, '--peer', `127.0.0.1:${peer}`],
    ...['--admin', `127.0.0.1:${admin}`],
  ])
  return { name: 'ringway', port, pid }
}

/** As its documentation begins: the hash and the distribution of libmemcached, one connection per server. */
export async function startNutcracker(
  folder: string,
  { protocol, ports }: CacheServers,
): Promise<Contender> {
  const [port = 0, stats = 0] = await freePorts(2)
  const file = join(folder, 'nutcracker.yml')
  writeFileSync(
    file,
    `cache:
  listen: 127.0.0.1:${port}
  hash: fnv1a_64
  distribution: ketama
  redis: ${protocol === 'redis'}
  auto_eject_hosts: false
  server_connections: 1
  client_connections: ${CLIENTS_MAX}
  servers:
${ports.map((each) => `   - 127.0.0.1:${each}:1`).join('\n')}
`,
  )
  const { pid } = await started(port, 'nutcracker', [
    ...['-c', file, '-a', '127.0.0.1', '-s', String(stats)],
  ])
  return { name: 'nutcracker', port, pid }
}
