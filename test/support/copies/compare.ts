import type { Redis } from 'ioredis'
import { plainClient } from '../redis-client.ts'

/** Keys compared at once. */
const WIDTH = 200
/** Relative times to live are counted by each server from when it got the command. */
const EXPIRY_TOLERANCE_MS = 10_000
/** `HYLL`, encoding, three unused bytes, then the count as it was asked for last: PFCOUNT, a read, writes it. */
const HLL_CACHE = [8, 16] as const

export interface Comparison {
  readonly keys: number
  /** Keys whose copies have equal DUMPs. */
  readonly dumpEqual: number
  /** Keys whose DUMPs differ and whose values are equal, by type and the encodings that they have. */
  readonly valueEqual: Readonly<Record<string, number>>
  /** What is wrong, one line per key. */
  readonly differences: readonly string[]
}

interface Copy {
  readonly server: number
  readonly dump: Buffer
  readonly expiresAt: number
}

/** Compares the copies of every key at the servers: so many, with equal values and equal times of expiry. */
export async function compareCopies(
  ports: readonly number[],
  replicas: number,
): Promise<Comparison> {
  const clients = await Promise.all(ports.map(plainClient))
  try {
    const all = new Map<string, Copy[]>()
    for (const server of clients.keys()) await readCopies(clients, server, all)
    const valueEqual: Record<string, number> = {}
    const differences: string[] = []
    let dumpEqual = 0
    for (const [key, copies] of all) {
      const [first, ...others] = copies as [Copy, ...Copy[]]
      if (copies.length !== replicas)
        differences.push(`${key}: ${copies.length} copies at ${copies.map(({ server }) => server)}`)
      else if (others.some(({ expiresAt }) => !sameExpiry(first.expiresAt, expiresAt)))
        differences.push(`${key}: expires at ${copies.map(({ expiresAt }) => expiresAt)}`)
      else if (others.every(({ dump }) => dump.equals(first.dump))) dumpEqual++
      else {
        const values = await Promise.all(
          copies.map(({ server }) => readValue(clients[server] as Redis, key)),
        )
        const texts = new Set(values.map(({ text }) => text))
        const kind = `${values[0]?.type} ${[...new Set(values.map(({ encoding }) => encoding))].sort().join(' and ')}`
        if (texts.size === 1) valueEqual[kind] = (valueEqual[kind] ?? 0) + 1
        else
          differences.push(
            `${key}: ${kind}: ${[...texts].map((text) => text.slice(0, 300)).join('\n   | ')}`,
          )
      }
    }
    return { keys: all.size, dumpEqual, valueEqual, differences }
  } finally {
    for (const client of clients) client.disconnect()
  }
}

function sameExpiry(one: number, other: number): boolean {
  if (one < 0 || other < 0) return one === other
  return Math.abs(one - other) < EXPIRY_TOLERANCE_MS
}

async function readCopies(clients: readonly Redis[], server: number, all: Map<string, Copy[]>) {
  const client = clients[server] as Redis
  const keys = await client.keys('*')
  for (let at = 0; at < keys.length; at += WIDTH) {
    const some = keys.slice(at, at + WIDTH)
    const dumps = await Promise.all(some.map((key) => client.dumpBuffer(key)))
    // Not the time to live: the servers are asked one after the other, which takes a while.
    const expiries = await Promise.all(some.map((key) => client.call('PEXPIRETIME', key)))
    for (const [i, key] of some.entries()) {
      const dump = dumps[i]
      if (dump === undefined || dump === null) continue
      const copies = all.get(key) ?? []
      copies.push({ server, dump, expiresAt: Number(expiries[i] ?? -1) })
      all.set(key, copies)
    }
  }
}

/** The value of a key as text, so that equal values give equal texts: unordered ones sorted, nothing that depends on the moment. */
async function readValue(client: Redis, key: string) {
  const type = await client.type(key)
  const encoding = String(await client.object('ENCODING', key))
  const text = JSON.stringify(await READERS[type]?.(client, key))
  return { type, encoding, text }
}

type Reader = (client: Redis, key: string) => Promise<unknown>

const READERS: Readonly<Record<string, Reader>> = {
  string: async (client, key) => {
    const value = await client.getBuffer(key)
    if (value?.subarray(0, 4).toString('latin1') === 'HYLL') value.fill(0, ...HLL_CACHE)
    return value?.toString('latin1')
  },
  list: async (client, key) => latin1(await client.lrangeBuffer(key, 0, -1)),
  set: async (client, key) => (latin1(await client.smembersBuffer(key)) as string[]).sort(),
  hash: async (client, key) => {
    const flat = latin1(await client.callBuffer('HGETALL', key)) as string[]
    return flat
      .map((field, i) => (i % 2 === 0 ? [field, flat[i + 1]] : undefined))
      .filter((pair) => pair !== undefined)
      .map((pair) => JSON.stringify(pair))
      .sort()
  },
  zset: async (client, key) =>
    latin1(await client.callBuffer('ZRANGE', key, '0', '-1', 'WITHSCORES')),
  stream: async (client, key) => {
    const info = latin1(await client.callBuffer('XINFO', 'STREAM', key, 'FULL', 'COUNT', '0'))
    return withoutMoments(info)
  },
}

/** Fields of XINFO STREAM that say how the value lies in memory, or when somebody asked for it last. */
const MOMENTS = new Set(['radix-tree-keys', 'radix-tree-nodes', 'seen-time', 'active-time'])

function withoutMoments(value: unknown): unknown {
  if (!Array.isArray(value)) return value
  const kept: unknown[] = []
  for (let at = 0; at < value.length; at++)
    if (MOMENTS.has(value[at] as string)) at++
    else kept.push(withoutMoments(value[at]))
  return kept
}

function latin1(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('latin1')
  return Array.isArray(value) ? value.map(latin1) : value
}
