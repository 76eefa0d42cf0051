import {
  type CopyPolicy,
  DEFAULT_COPY_POLICY,
  type OrderedMessage,
  type PoolTopology,
  RouterError,
  type RouterLimits,
  type RouterMessage,
} from '../../src/index.ts'
import { type Fixture, startRouter } from './fixture.ts'
import { askRedis, type RedisServer, startRedis } from './redis-server.ts'
import { backendAt, redisPool, topologyMessage } from './topologies.ts'

export const QUICK: Partial<RouterLimits> = {
  replyTimeoutMs: 500,
  connectTimeoutMs: 250,
  probeDelayMinMs: 20,
  probeDelayMaxMs: 40,
}

/** A router that is closed already hears nothing more. */
function post({ router }: Fixture, message: RouterMessage): void {
  try {
    router.post(message)
  } catch (error) {
    if (!(error instanceof RouterError && error.code === 'CLOSED')) throw error
  }
}

export interface Replicated {
  readonly servers: readonly RedisServer[]
  readonly ports: readonly number[]
  /** They share what they know of stale keys. */
  readonly routers: readonly Fixture[]
  readonly links: Links
}

export const routerName = (index: number) => `router-${index}`

/** What peer links do for routers of one process: messages arrive in order, later, or not at all. */
export class Links {
  readonly routers: Fixture[] = []
  /** Messages between routers that order writes, by kind. */
  readonly counts: Record<string, number> = {}
  /** Pairs without a link. */
  readonly #cut = new Set<string>()
  /** Routers that hear nothing for now, and what they will hear. */
  readonly #deaf = new Map<number, RouterMessage[]>()
  readonly #pool: PoolTopology
  #epoch = 1

  constructor(pool: PoolTopology) {
    this.#pool = pool
  }

  /** Tells router `index` which routers it can reach; those of `without` are not among them. */
  announce(index: number, without: readonly number[] = []): void {
    const reached = this.routers
      .map((_, other) => other)
      .filter((other) => this.#isUp(index, other) && !without.includes(other))
    const orderedBy = { self: routerName(index), routers: reached.map(routerName) }
    const fixture = this.routers[index]
    const pool = this.#pool.copies?.orderWrites ? { ...this.#pool, orderedBy } : this.#pool
    if (fixture) post(fixture, topologyMessage(this.#epoch++, pool))
  }

  announceAll(): void {
    for (const index of this.routers.keys()) this.announce(index)
  }

  send(from: number, to: number, message: OrderedMessage): boolean {
    if (!this.#isUp(from, to) || to < 0) return false
    this.counts[message.type] = (this.counts[message.type] ?? 0) + 1
    this.deliver(to, { type: 'ordered', from: routerName(from), message: structuredClone(message) })
    return true
  }

  deliver(to: number, message: RouterMessage): void {
    const deaf = this.#deaf.get(to)
    const fixture = this.routers[to]
    if (deaf) deaf.push(message)
    else if (fixture) setImmediate(() => post(fixture, message))
  }

  /** A link breaks: what was said before still arrives, then both hear of it. */
  cut(one: number, other: number): void {
    this.#cut.add(pair(one, other))
    for (const [index, gone] of [
      [one, other],
      [other, one],
    ] as const) {
      const fixture = this.routers[index]
      if (fixture)
        setImmediate(() => post(fixture, { type: 'router-gone', name: routerName(gone) }))
      this.announce(index)
    }
  }

  mend(one: number, other: number): void {
    this.#cut.delete(pair(one, other))
    this.announce(one)
    this.announce(other)
  }

  /** The router hears nothing until {@link Links.hear}: its peers think it well. */
  deafen(index: number): void {
    this.#deaf.set(index, [])
  }

  hear(index: number): void {
    const late = this.#deaf.get(index) ?? []
    this.#deaf.delete(index)
    for (const message of late) this.deliver(index, message)
  }

  #isUp(one: number, other: number): boolean {
    return one === other || !this.#cut.has(pair(one, other))
  }
}

const pair = (one: number, other: number) => [one, other].sort().join(':')

/** Real servers behind one or more routers with the same pool. */
export async function startReplicated(
  options: {
    readonly servers?: number
    readonly routers?: number
    readonly replicas?: number
    readonly policy?: Partial<CopyPolicy>
    readonly limits?: Partial<RouterLimits>
  } = {},
): Promise<Replicated> {
  const { servers: count = 3, routers: routerCount = 1, replicas = 2, policy, limits } = options
  const servers = await Promise.all(Array.from({ length: count }, () => startRedis()))
  const ports = servers.map(({ port }) => port)
  const pool = {
    ...redisPool(ports.map((port) => backendAt(port))),
    replicas,
    copies: { ...DEFAULT_COPY_POLICY, ...policy },
  }
  const links = new Links(pool)
  const { routers } = links
  for (let i = 0; i < routerCount; i++)
    routers.push(
      await startRouter(
        { ...QUICK, ...limits },
        {
          share: (message) => {
            for (const [j, other] of routers.entries())
              if (j !== i)
                post(other, {
                  type: 'shared-keys',
                  from: routerName(i),
                  message: structuredClone(message),
                })
          },
          forward: (to, message) => links.send(i, Number(to.replace('router-', '')), message),
        },
      ),
    )
  links.announceAll()
  return { servers, ports, routers, links }
}

/** How a value is listed whose DUMP depends on a hash seed of the server, or on the encoding that it grew into. */
const LISTINGS: Readonly<Record<string, readonly [command: string, sorted: boolean]>> = {
  '+set': ['SMEMBERS', true],
  '+hash': ['HGETALL', true],
  '+zset': ['ZRANGE 0 -1 WITHSCORES', false],
  '+list': ['LRANGE 0 -1', false],
}

/** What a key is, so that equal values give equal texts: a listing, or its DUMP. */
async function valueAt(port: number, key: string): Promise<string> {
  const type = (await askRedis(port, `TYPE ${key}`)).trim()
  const [listing, sorted = false] = LISTINGS[type] ?? []
  if (listing === undefined) return await askRedis(port, `DUMP ${key}`)
  const [command, ...more] = listing.split(' ')
  const reply = await askRedis(port, [command, key, ...more].join(' '))
  const items = reply.split('\r\n').filter((_, i) => i > 0 && i % 2 === 0)
  const step = type === '+hash' ? 2 : 1
  const members: string[] = []
  for (let at = 0; at < items.length; at += step) members.push(items.slice(at, at + step).join('='))
  return `${type} ${(sorted ? members.sort() : members).join(' ')}`
}

/** Every key of every server: `key` → what it is at each server that has it. */
export async function dumps(ports: readonly number[]): Promise<Map<string, Map<number, string>>> {
  const all = new Map<string, Map<number, string>>()
  for (const port of ports) {
    const listed = await askRedis(port, 'KEYS *')
    const keys = listed.split('\r\n').filter((_, i) => i > 0 && i % 2 === 0)
    for (const key of keys) {
      const copies = all.get(key) ?? new Map<number, string>()
      copies.set(port, await valueAt(port, key))
      all.set(key, copies)
    }
  }
  return all
}

/** Keys whose copies are not `replicas` equal ones, with what there is. */
export async function differences(ports: readonly number[], replicas: number): Promise<string[]> {
  const found: string[] = []
  for (const [key, copies] of await dumps(ports)) {
    const different = new Set(copies.values()).size
    if (copies.size !== replicas || different !== 1)
      found.push(`${key}: ${copies.size} copies, ${different} of them different`)
  }
  return found
}
