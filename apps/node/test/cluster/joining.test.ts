import { setTimeout as pause } from 'node:timers/promises'
import { GossipError, type JoinResult, type Memberlist } from '@ringway/gossip'
import { pino } from 'pino'
import { afterAll, describe, expect, test } from 'vitest'
import { Joining } from '../../src/cluster/joining.ts'
import { resolveConfig } from '../../src/config/resolve.ts'

// Most of the time of these tests is waiting, which they can do side by side.
const stop = new AbortController()
afterAll(() => stop.abort())

/** A member at 127.0.0.1:1000 in a world that the test describes. */
interface World {
  readonly seeds?: readonly string[]
  /** Remembered peers: name and port on 127.0.0.1. */
  readonly remembered?: Readonly<Record<string, number>>
  /** Names that answer when they are asked. */
  readonly answering?: Set<string>
  /** Errors of those who do something else than staying silent. */
  readonly errors?: Readonly<Record<string, string>>
  hasMet?: boolean
  isFirst?: boolean
  /** What was logged. */
  readonly log?: string[]
}

function joiningOf(
  world: World,
  waits: { rememberedWaitMs?: number; founderPatienceMs?: number } = {},
) {
  const answer = (seeds: readonly string[]): JoinResult => {
    const errors = seeds
      .filter((seed) => !world.answering?.has(seed.split('/')[0] ?? ''))
      .map((seed) => ({ seed, error: errorOf(world, seed.split('/')[0] ?? '') }))
    return { joined: seeds.length - errors.length, errors }
  }
  const peers = Object.entries(world.remembered ?? {})
  const memberlist = {
    name: 'me',
    address: { host: '127.0.0.1', port: 1000 },
    remembered: () =>
      peers.map(([name, port]) => ({ name, address: { host: '127.0.0.1', port }, seenAt: 0 })),
    member: () => undefined,
    join: async (seeds: readonly string[]) => answer(seeds),
    rejoin: async () => answer(peers.map(([name, port]) => `${name}/127.0.0.1:${port}`)),
  } as unknown as Memberlist
  const { gossip } = resolveConfig({
    gossip: { bind: '127.0.0.1:1000', join: world.seeds ?? [] },
  })
  return new Joining({
    memberlist,
    gossip,
    swarm: { seeds: () => [] },
    log: pino({ level: 'debug' }, { write: (line: string) => world.log?.push(line) }),
    signal: stop.signal,
    hasMet: () => world.hasMet ?? false,
    isFirst: () => world.isFirst ?? true,
    ...waits,
  })
}

function errorOf({ errors }: World, name: string): GossipError {
  return new GossipError((errors?.[name] ?? 'GOSSIP_UNREACHABLE') as 'GOSSIP_UNREACHABLE')
}

/** How a run ends, or `waits` when it has not ended within the time. */
async function outcome(joining: Joining, withinMs: number): Promise<string> {
  return await Promise.race([joining.run(), pause(withinMs, 'waits')])
}

const SHORT = { rememberedWaitMs: 300, founderPatienceMs: 1_500 }

describe.concurrent('a founder', () => {
  test('that remembers nobody founds', async () => {
    expect(await outcome(joiningOf({}), 5_000)).toBe('alone')
  })

  test('joins the cluster of a peer that it remembers', async () => {
    const world: World = { remembered: { b: 1001 }, answering: new Set(['b']) }
    const run = joiningOf(world).run()
    world.hasMet = true
    expect(await run).toBe('joined')
  })

  test('joins when a peer calls while others are still silent', async () => {
    const world: World = { remembered: { b: 1001, c: 1002 } }
    const run = joiningOf(world).run()
    world.hasMet = true
    expect(await run).toBe('joined')
  })

  test('whose known peers are silent founds nothing before its wait is over, then founds and says so', async () => {
    const world: World = { remembered: { b: 1001 }, log: [] }
    expect(await outcome(joiningOf(world, { rememberedWaitMs: 60_000 }), 2_000)).toBe('waits')
    expect(world.log?.join()).toContain('waiting before a cluster is founded')
    expect(await outcome(joiningOf(world, SHORT), 10_000)).toBe('alone')
    expect(world.log?.join()).toContain('"peers":["b/127.0.0.1:1001"]')
    expect(world.log?.join()).toContain('founding a cluster without known peers')
  })

  test('founds without the wait when all known peers have answered and none has a cluster', async () => {
    const world: World = { remembered: { b: 1001, c: 1002 }, answering: new Set(['b', 'c']) }
    expect(await outcome(joiningOf(world), 5_000)).toBe('alone')
  })

  test('leaves the founding to a smaller name, but not for ever', async () => {
    const world: World = {
      remembered: { a: 1001 },
      answering: new Set(['a']),
      isFirst: false,
    }
    const long = { ...SHORT, founderPatienceMs: 60_000 }
    expect(await outcome(joiningOf(world, long), 2_000)).toBe('waits')
    expect(await outcome(joiningOf(world, SHORT), 10_000)).toBe('alone')
  })

  test('does not wait for strangers that live at a remembered address', async () => {
    const world: World = { remembered: { b: 1001 }, errors: { b: 'GOSSIP_STRANGER' }, log: [] }
    expect(await outcome(joiningOf(world, { rememberedWaitMs: 60_000 }), 5_000)).toBe('alone')
    expect(world.log?.join()).not.toContain('without known peers')
  })
})

describe.concurrent('a member with seeds', () => {
  test('founds nothing while its seeds and the peers that it remembers are silent', async () => {
    const world: World = { seeds: ['127.0.0.1:1001'], remembered: { b: 1001 } }
    expect(await outcome(joiningOf(world, SHORT), 3_000)).toBe('waits')
  })

  test('founds with the peers that it remembers when its seeds are gone', async () => {
    const world: World = {
      seeds: ['127.0.0.1:1001'],
      remembered: { b: 1002, c: 1003, d: 1004 },
      answering: new Set(['b', 'c']),
    }
    expect(await outcome(joiningOf(world, SHORT), 10_000)).toBe('alone')
  })

  test('waits when only half of the peers that it remembers answer', async () => {
    const world: World = {
      seeds: ['127.0.0.1:1001'],
      remembered: { b: 1002, c: 1003 },
      answering: new Set(['b']),
    }
    expect(await outcome(joiningOf(world, SHORT), 4_500)).toBe('waits')
  })
})

test.concurrent.each(['GOSSIP_CLUSTER_MISMATCH', 'GOSSIP_NAME_TAKEN', 'GOSSIP_DELEGATE_MISMATCH'])(
  'a known peer or a seed that refuses this member for good ends the start: %s',
  async (code) => {
    await expect(
      joiningOf({ remembered: { b: 1001 }, errors: { b: code } }).run(),
    ).rejects.toMatchObject({ code: 'JOIN_FAILED', message: expect.stringContaining('b/127') })
    await expect(
      joiningOf({ seeds: ['127.0.0.1:1'], errors: { '127.0.0.1:1': code } }).run(),
    ).rejects.toMatchObject({ code: 'JOIN_FAILED' })
  },
)
