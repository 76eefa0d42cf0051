import { setTimeout as pause } from 'node:timers/promises'
import { RedisClient } from '../../../packages/router/test/testing/redis-client.ts'
import { eventually } from '../eventually.ts'
import { type RedisServer, startRedis } from '../redis-server.ts'
import { RandomCommands, randomFrom } from './commands.ts'
import { type Comparison, compareCopies } from './compare.ts'

const BATCH = 20
/** How long a key is written. Two routers that write it at its end without an order leave different copies. */
const GENERATION_MS = 1_000
/** After the last command late copies are still on their way, for a long time after faults. */
const SETTLE_MS = 30_000

export interface SoakOptions {
  /** Where clients connect; several routers of one cluster. */
  readonly routers: readonly number[]
  /** Replaced in place when one is killed and started again. */
  readonly servers: RedisServer[]
  readonly replicas: number
  readonly ms: number
  readonly seed: number
  /** Clients of each router; every third speaks RESP3. */
  readonly connections: number
  /** Keys of each type: few of them are contended. */
  readonly keysPerType: number
  /** Suspends or kills one server after the other. */
  readonly faults: boolean
  /** How long copies may take to become equal after the last command. @defaultValue 30_000 */
  readonly settleMs?: number
  readonly say?: (text: string) => void
}

export interface SoakResult extends Comparison {
  readonly commands: number
  /** Replies of the routers that say they could not do it, by their beginning. */
  readonly refusals: Readonly<Record<string, number>>
  readonly faults: Readonly<Record<string, number>>
  /** How long after the last command all copies were equal. */
  readonly settledMs: number
}

/** Writes at random through all routers for a while, and compares the copies of every key at the end. */
export async function soakCopies(options: SoakOptions): Promise<SoakResult> {
  const { routers, servers, seed, connections, keysPerType, ms, say = () => {} } = options
  const beganAt = performance.now()
  const endsAt = beganAt + ms
  const tally = {
    commands: 0,
    refusals: {} as Record<string, number>,
    faults: {} as Record<string, number>,
  }
  const clients = routers.flatMap((port) =>
    Array.from({ length: connections }, () => new RedisClient(port)),
  )
  const load = clients.map(async (client, i) => {
    const commands = new RandomCommands(randomFrom(seed + i), keysPerType)
    if (i % 3 === 1) await client.ask('HELLO 3')
    while (performance.now() < endsAt) {
      const generation = Math.floor((performance.now() - beganAt) / GENERATION_MS)
      const batch = Array.from({ length: BATCH }, () => commands.next(generation)).flat()
      client.send(...batch)
      const replies = await client.replies(batch.length)
      if (replies.length !== batch.length) throw new Error(`a client was closed, seed ${seed}`)
      tally.commands += batch.length
      for (const reply of replies) {
        if (!reply.startsWith('-') || !reply.includes('pool "')) continue
        const kind = reply.replace(/\d+/g, 'N').slice(0, 160).trim()
        tally.refusals[kind] = (tally.refusals[kind] ?? 0) + 1
      }
    }
  })
  const faulting = options.faults ? injectFaults(servers, endsAt, tally.faults, say) : undefined
  try {
    await Promise.all([...load, faulting])
  } finally {
    for (const client of clients) client.socket.destroy()
  }
  const endedAt = performance.now()
  let last: Comparison | undefined
  await eventually(
    'equal copies',
    async () => {
      last = await compareCopies(
        servers.map(({ port }) => port),
        options.replicas,
      )
      return last.differences.length === 0
    },
    { timeoutMs: options.settleMs ?? SETTLE_MS },
  ).catch((error) => {
    if (last === undefined) throw error
  })
  return { ...(last as Comparison), ...tally, settledMs: Math.round(performance.now() - endedAt) }
}

const FAULT_EVERY_MS = 12_000
const KILLED_MS = 1_500

async function injectFaults(
  servers: RedisServer[],
  endsAt: number,
  faults: Record<string, number>,
  say: (text: string) => void,
): Promise<void> {
  for (let turn = 0; performance.now() + FAULT_EVERY_MS < endsAt; turn++) {
    const at = turn % servers.length
    const server = servers[at] as RedisServer
    const kind = turn % 2 === 0 ? 'suspended' : 'killed'
    faults[kind] = (faults[kind] ?? 0) + 1
    say(`${kind}: server ${at}`)
    if (kind === 'suspended') {
      server.signal('SIGSTOP')
      // Shorter and longer than a router waits for a reply.
      await pause(turn % 4 === 0 ? 1_000 : 7_000)
      server.signal('SIGCONT')
    } else {
      await server.stop()
      await pause(KILLED_MS)
      servers[at] = await startRedis(server.port)
    }
    await pause(FAULT_EVERY_MS / 2)
  }
}
