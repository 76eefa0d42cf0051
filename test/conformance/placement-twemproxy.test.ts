import { createRing, type PlacementOptions, type RingNode, type TwemproxyHash } from '@ringway/ring'
import { afterEach, describe, it, type TestContext } from 'vitest'
import { ask, LIVE_TIMEOUT_MS, REDIS } from '../support/placement-ask.ts'
import { type FakeBackends, startFakeBackends } from '../support/placement-backends.ts'
import { expectAgreement } from '../support/placement-compare.ts'
import { LIVE_COUNTS, liveKeys, liveNames } from '../support/placement-keys.ts'
import { type LiveProgram, startProgram } from '../support/placement-process.ts'
import { freePorts } from '../support/ports.ts'
import { requireProgram } from '../support/programs.ts'

const KEYS = liveKeys(100_000)
const FEW_KEYS = KEYS.slice(0, 20_000)
const HASHES = [
  'one_at_a_time',
  'md5',
  'crc16',
  'crc32',
  'crc32a',
  'fnv1_64',
  'fnv1a_64',
  'fnv1_32',
  'fnv1a_32',
  'hsieh',
  'murmur',
  'jenkins',
] as const satisfies readonly TwemproxyHash[]

let stops: (() => Promise<void>)[] = []
afterEach(async () => {
  await Promise.all(stops.map((stop) => stop()))
  stops = []
})

/** One pool of a nutcracker: its servers in the order of the fake backends. */
interface LivePool {
  readonly nodes: readonly RingNode[]
  readonly options: PlacementOptions
  readonly settings: readonly string[]
  /** `host:port` of each server, and whether its id is its name in the configuration. */
  readonly addresses: readonly string[]
  readonly named: boolean
}

async function start(context: TestContext, pools: readonly LivePool[]): Promise<readonly number[]> {
  const program = requireProgram(context, 'nutcracker')
  const ports = await freePorts(pools.length + 1)
  const config = pools.map(({ nodes, settings, addresses, named }, i) =>
    [
      `pool${i}:`,
      `  listen: 127.0.0.1:${ports[i]}`,
      '  redis: true',
      ...settings.map((line) => `  ${line}`),
      '  servers:',
      ...nodes.map(
        ({ id, weight = 1 }, at) => `   - ${addresses[at]}:${weight}${named ? ` ${id}` : ''}`,
      ),
    ].join('\n'),
  )
  const started: LiveProgram = await startProgram({
    program,
    config: () => `${config.join('\n')}\n`,
    args: (file) => ['-c', file, '-a', '127.0.0.1', '-s', String(ports[pools.length])],
    ports: ports.slice(0, pools.length),
  })
  stops.push(() => started.stop())
  return ports
}

async function backends(hosts: readonly string[], port = 0): Promise<FakeBackends> {
  const made = await startFakeBackends(hosts, port)
  stops.push(() => made.close())
  return made
}

const namedPool = (
  fakes: FakeBackends,
  nodes: readonly RingNode[],
  options: PlacementOptions,
  settings: readonly string[],
): LivePool => ({
  nodes,
  options,
  settings,
  addresses: fakes.ports.slice(0, nodes.length).map((port) => `127.0.0.1:${port}`),
  named: true,
})

async function compare(port: number, pool: LivePool, keys: readonly Uint8Array[]): Promise<void> {
  const ring = createRing(pool.nodes, pool.options)
  const answers = await ask(port, keys, REDIS)
  const theirs = answers.map((number) => pool.nodes[Number(number)]?.id ?? number)
  const what = `${pool.settings.join(', ')}, ${pool.nodes.length} servers`
  expectAgreement(what, keys, theirs, (key) => ring.owner(key))
}

const local = (count: number): string[] => new Array<string>(count).fill('127.0.0.1')

describe('nutcracker', { timeout: LIVE_TIMEOUT_MS }, () => {
  it('agrees on 100,000 keys at 1, 2, 3, 5, 7, 14, 25 and 50 servers', async (context) => {
    const fakes = await backends(local(50))
    const pools = LIVE_COUNTS.map((count) =>
      namedPool(
        fakes,
        liveNames(count).map((id) => ({ id })),
        { placement: 'ketama' },
        ['distribution: ketama', 'hash: fnv1a_64'],
      ),
    )
    const ports = await start(context, pools)
    for (const [i, pool] of pools.entries()) await compare(ports[i] as number, pool, KEYS)
  })

  it('agrees on every key hash, for ketama and for modula', async (context) => {
    const nodes = liveNames(5).map((id, i) => ({ id, weight: 1 + (i % 3) }))
    const fakes = await backends(local(5))
    const pools = HASHES.flatMap((keyHash) =>
      (['ketama', 'modula'] as const).map((placement) =>
        namedPool(fakes, nodes, { placement, keyHash }, [
          `distribution: ${placement}`,
          `hash: ${keyHash}`,
        ]),
      ),
    )
    const ports = await start(context, pools)
    for (const [i, pool] of pools.entries())
      await compare(ports[i] as number, pool, FEW_KEYS.slice(0, 10_000))
  })

  it('agrees on weights and on hash tags', async (context) => {
    const fakes = await backends(local(4))
    const settings = ['distribution: ketama', 'hash: fnv1a_64']
    const pools = [
      [1, 2, 3, 10],
      [1, 1, 1, 100],
      [9, 9, 9, 9],
    ].map((weights) =>
      namedPool(
        fakes,
        liveNames(4).map((id, i) => ({ id, weight: weights[i] ?? 1 })),
        { placement: 'ketama', hashTags: true },
        [...settings, 'hash_tag: "{}"'],
      ),
    )
    const ports = await start(context, pools)
    for (const [i, pool] of pools.entries()) await compare(ports[i] as number, pool, FEW_KEYS)
  })

  it('agrees on servers without names, whose port 11211 is left out', async (context) => {
    // Loopback addresses of their own, so that the port is free.
    const hosts = ['127.77.3.1', '127.77.30.2', '127.77.3.13']
    const fakes = await backends(hosts, 11211)
    const other = await backends(['127.0.0.1', '127.0.0.1', '127.0.0.1', '127.0.0.1'])
    const addresses = [...hosts.map((host) => `${host}:11211`), `127.0.0.1:${other.ports[3]}`]
    const pool: LivePool = {
      nodes: addresses.map((id) => ({ id })),
      options: { placement: 'ketama' },
      settings: ['distribution: ketama', 'hash: fnv1a_64'],
      addresses,
      named: false,
    }
    const [port = 0] = await start(context, [pool])
    await compare(port, pool, FEW_KEYS)
    if (fakes.ports.some((bound) => bound !== 11211)) throw new Error('not on port 11211')
  })

  it('agrees on what is left when a server is ejected', async (context) => {
    const fakes = await backends(local(6))
    const [closed = 0] = await freePorts(1)
    const nodes = liveNames(7).map((id, i) => ({ id, weight: 1 + (i % 2) }))
    const pool: LivePool = {
      nodes,
      options: { placement: 'ketama' },
      settings: [
        'distribution: ketama',
        'hash: fnv1a_64',
        'auto_eject_hosts: true',
        'server_failure_limit: 1',
        'server_retry_timeout: 600000',
      ],
      addresses: [...fakes.ports, closed].map((port) => `127.0.0.1:${port}`),
      named: true,
    }
    const [port = 0] = await start(context, [pool])
    const whole = createRing(nodes, pool.options)
    const gone = nodes[6]?.id ?? ''
    const lost = FEW_KEYS.filter((key) => whole.owner(key) === gone).slice(0, 1)
    // The request that finds it dead gets the error; the next one sees a ring without it.
    const [error = ''] = await ask(port, lost, REDIS)
    if (!error.startsWith('-')) throw new Error(`an error was expected, not ${error}`)
    const left = whole.without(gone)
    const answers = await ask(port, FEW_KEYS, REDIS)
    const theirs = answers.map((number) => nodes[Number(number)]?.id ?? number)
    expectAgreement('after ejection', FEW_KEYS, theirs, (key) => left.owner(key))
  })
})
