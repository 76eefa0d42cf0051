import { expect, test } from 'vitest'
import { startCopiesCluster } from '../support/copies/cluster.ts'
import { soakCopies } from '../support/copies/soak.ts'

/*
 * Random commands of every type through one router, or two that write the same keys, and then the DUMP of every key at both
 * of its owners. Environment: SOAK_MINUTES (10), SOAK_ROUTERS (1), SOAK_FAULTS (none), SOAK_SEED, SOAK_CONNECTIONS (10),
 * SOAK_KEYS (8 per type and second), SOAK_UNORDERED (two routers without `orderWrites`: must fail).
 */
const { env } = process
const minutes = Number(env['SOAK_MINUTES'] ?? 10)
const routers = Number(env['SOAK_ROUTERS'] ?? 1)
const faults = env['SOAK_FAULTS'] !== undefined
const seed = Number(env['SOAK_SEED'] ?? 20261124)
const ordered = routers > 1 && env['SOAK_UNORDERED'] === undefined

test(`copies are equal after ${minutes} minutes through ${routers} router(s)`, async () => {
  const pool = ['replicas: 2', `orderWrites: ${ordered}`]
  const cluster = await startCopiesCluster(3, routers, pool)
  try {
    const { differences, ...figures } = await soakCopies({
      routers: cluster.nodes.map(({ ports }) => ports.redis),
      servers: cluster.servers,
      replicas: 2,
      ms: minutes * 60_000,
      seed,
      connections: Number(env['SOAK_CONNECTIONS'] ?? 10),
      keysPerType: Number(env['SOAK_KEYS'] ?? 8),
      faults,
      say: (text) => console.log(text),
    })
    const orders = await Promise.all(
      cluster.nodes.map(async ({ ports }) => {
        const text = await (await fetch(`http://127.0.0.1:${ports.admin}/metrics`)).text()
        return text.split('\n').filter((line) => line.startsWith('ringway_pool_ordered'))
      }),
    )
    console.log(JSON.stringify({ routers, ordered, seed, ...figures, orders }, undefined, 1))
    console.log(`differences: ${differences.length}`)
    expect(differences.slice(0, 10)).toEqual([])
  } finally {
    await cluster.stop()
  }
})
