import { setTimeout as pause } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { inParallel, plainClient } from '../support/redis-client.ts'
import {
  admin,
  type NodeProcess,
  startCluster,
  startNode,
  stopCluster,
} from '../support/ringway.ts'

/** Each of the five twice within `npm test`; RESTARTS=20 is what releases are tried with. */
const RESTARTS = Number(process.env['RESTARTS'] ?? 10)
const KEYS = 2_000
const WRITERS = 8
/** Some 1,000 commands a second: enough that each restart meets many, and cores are left for starting nodes. */
const PACE_MS = 8

let nodes: NodeProcess[] = []
afterEach(async () => {
  await stopCluster(nodes)
  nodes = []
})

/** Every member says that each slot has all its copies. */
async function untilSafe(what: string): Promise<void> {
  await eventually(
    what,
    async () => {
      for (const node of nodes) {
        const { pools } = await admin<{ pools: { store: { safe: boolean } }[] }>(node, '/v1/pools')
        if (!pools[0]?.store.safe) return false
      }
      return true
    },
    { timeoutMs: 60_000 },
  )
}

/** What one key may read as: the last acknowledged number, or any later one whose outcome is unknown. */
interface Expectation {
  acknowledged: number
  attempted: number
}

test('a member killed and restarted at once, again and again under load: no acknowledged write is lost, no key reads nil', async () => {
  nodes = await startCluster(5)
  const seeds = nodes.map(({ ports }) => ports)
  const expected = Array.from(
    { length: KEYS },
    (): Expectation => ({ acknowledged: 0, attempted: 0 }),
  )
  const faults: string[] = []
  let errors = 0
  let operations = 0
  let victim = -1
  let stop = false

  await untilSafe('the first copies')
  const first = await plainClient(seeds[0]?.redis ?? 0)
  await inParallel(expected, 50, async (state) => {
    const key = `k${expected.indexOf(state)}`
    await eventually(`${key} is there`, async () => (await first.set(key, '0')) === 'OK')
  })
  first.disconnect()

  // Each worker owns the keys congruent to its number, and works through any node that is not being restarted.
  const work = async (worker: number) => {
    let client: Redis | undefined
    let at = -1
    for (let turn = worker; !stop; turn += WRITERS) {
      if (!client || at === victim || client.status !== 'ready') {
        client?.disconnect()
        at = nodes.findIndex((_, index) => index !== victim && (index + turn) % 2 === 0)
        client = await plainClient(seeds[at]?.redis ?? 0).catch(() => undefined)
        if (!client) continue
      }
      await pause(PACE_MS)
      const key = turn % KEYS
      const state = expected[key] as Expectation
      operations++
      try {
        if (turn % 3 === 0) {
          state.attempted++
          const number = state.attempted
          if ((await client.set(`k${key}`, String(number))) === 'OK') state.acknowledged = number
        } else {
          const value = await client.get(`k${key}`)
          const number = value === null ? -1 : Number(value)
          if (number < state.acknowledged || number > state.attempted)
            faults.push(
              `k${key} read ${value} through node ${at + 1}; acknowledged ${state.acknowledged}, attempted ${state.attempted}`,
            )
        }
      } catch {
        errors++
      }
    }
    client?.disconnect()
  }
  const workers = Array.from({ length: WRITERS }, (_, worker) => work(worker))

  for (let round = 0; round < RESTARTS; round++) {
    // Any of the five, the founder included.
    victim = round % nodes.length
    const old = nodes[victim] as NodeProcess
    await pause(50)
    old.kill('SIGKILL')
    await old.exited
    const fresh = startNode(
      old.name,
      old.ports,
      victim === 0 ? [] : seeds.filter((_, index) => index !== victim),
    )
    nodes[victim] = fresh
    await fresh.ready
    victim = -1
    // The next fault comes when the promise holds again: every slot has its copies.
    await untilSafe(`re-replication after restart ${round + 1}`)
  }
  stop = true
  await Promise.all(workers)

  const reader = await plainClient(seeds[0]?.redis ?? 0)
  for (const [key, { acknowledged, attempted }] of expected.entries()) {
    const value = Number((await reader.get(`k${key}`)) ?? -1)
    if (value < acknowledged || value > attempted)
      faults.push(`k${key} ended as ${value}; acknowledged ${acknowledged}`)
  }
  reader.disconnect()
  console.info(
    `${RESTARTS} restarts: ${operations} operations, ${errors} errors, ${faults.length} lost or wrong`,
  )
  expect(faults).toEqual([])
  expect(operations).toBeGreaterThan(RESTARTS * 100)
}, 360_000)
