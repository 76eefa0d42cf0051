import { createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { ResponseHead } from '../../src/codec/http1/response-head.ts'
import { DEFAULT_HTTP_LIMITS } from '../../src/http-limits.ts'
import { DEFAULT_LIMITS } from '../../src/limits.ts'
import type { HttpBackend } from '../../src/pool/http-backend.ts'
import { HttpPool } from '../../src/pool/http-pool.ts'
import type { LostCause } from '../../src/pool/lost-cause.ts'
import type { PoolEvent } from '../../src/pool/static-pool.ts'
import { Turn } from '../../src/pool/turn.ts'
import type { BackendTopology, HttpPoolTopology, PoolTopology } from '../../src/topology.ts'
import { onCleanup } from '../testing/fixture.ts'
import { httpPool } from '../testing/http-fixture.ts'

/** Its multiples modulo 1 are spread evenly. */
const GOLDEN = 0.618_033_988_749
const REFUSED: LostCause = { code: 'REFUSED', text: 'refused the connection' }
const GARBAGE: LostCause = { code: 'BAD_REPLY', text: 'answered with a malformed head' }
const KEYS = Array.from({ length: 2_000 }, (_, i) => Buffer.from(`session-${i}`))

/** Backends that nobody listens for: only choices are made here. */
const named = (ids: string, more: Partial<BackendTopology> = {}): BackendTopology[] =>
  Array.from(ids, (id) => ({ id, host: '127.0.0.1', port: 1, weight: 1, state: 'up', ...more }))

class TestPool {
  readonly events: PoolEvent[] = []
  readonly pool: HttpPool
  #now = 1_000
  #drawn = 0
  readonly #turn = new Turn(() => this.#now)
  #topology: PoolTopology

  constructor(backends: readonly BackendTopology[], http: HttpPoolTopology = {}) {
    this.#topology = httpPool(backends, http)
    this.pool = new HttpPool(this.#topology, {
      http: DEFAULT_HTTP_LIMITS,
      limits: DEFAULT_LIMITS,
      turn: this.#turn,
      random: () => (this.#drawn = (this.#drawn + GOLDEN) % 1),
      responseHead: new ResponseHead(DEFAULT_HTTP_LIMITS),
      mac: (key, message) => createHmac('sha256', key).update(message).digest(),
      stickyKeys: () => [],
      log: (event) => this.events.push(event),
    })
    onCleanup(() => this.pool.close())
  }

  at(id: string): HttpBackend {
    const backend = this.pool.backend(id)
    if (backend === undefined) throw new Error(`no backend ${id}`)
    return backend
  }

  backends(backends: readonly BackendTopology[], http?: HttpPoolTopology): void {
    this.#topology = { ...this.#topology, backends, ...(http && { http }) }
    this.pool.update(this.#topology)
  }

  advance(ms: number): void {
    this.#now += ms
    this.#turn.begin()
    this.pool.tick(this.#now)
  }

  owners(placing = false): string[] {
    return KEYS.map((key) => this.pool.choose(key, [], placing)?.id ?? 'none')
  }

  /** Who serves `count` requests without a key, each of them before the next comes. */
  turns(count: number): Readonly<Record<string, number>> {
    const served: Record<string, number> = {}
    for (let i = 0; i < count; i++) {
      const id = this.pool.choose(undefined, [], false)?.id ?? 'none'
      served[id] = (served[id] ?? 0) + 1
    }
    return served
  }
}

const share = (owners: readonly string[], id: string) =>
  owners.filter((owner) => owner === id).length / owners.length

/** Who took keys from one moment to the next. */
const takers = (before: readonly string[], after: readonly string[]) => [
  ...new Set(after.filter((owner, at) => owner !== before[at])),
]

describe('slow start', () => {
  test('of a new backend with hash: its share grows from a tenth, and keys move to it alone', () => {
    const test = new TestPool(named('abc'), { slowStartMs: 1_000 })
    const before = test.owners()
    test.backends(named('abcd'))
    let owners = test.owners()
    expect(takers(before, owners)).toEqual(['d'])
    expect(share(owners, 'd')).toBeGreaterThan(0.005)
    expect(share(owners, 'd')).toBeLessThan(0.06)
    for (let i = 0; i < 10; i++) {
      test.advance(100)
      const next = test.owners()
      for (const taker of takers(owners, next)) expect(taker).toBe('d')
      owners = next
    }
    expect(owners).toEqual(new TestPool(named('abcd')).owners())
    expect(test.pool.shareOf(test.at('d'))).toBe(1)
  })

  test('of one that returned by turns: a tenth of its turns at first', () => {
    const test = new TestPool(named('ab'), { slowStartMs: 1_000, balance: 'round-robin' })
    test.at('a').failed(REFUSED)
    expect(test.turns(10)).toEqual({ b: 10 })
    test.pool.returned(test.at('a'), false)
    test.at('a').refresh()
    expect(test.pool.shareOf(test.at('a'))).toBe(0.1)
    test.advance(500)
    expect(test.pool.shareOf(test.at('a'))).toBe(0.6)
    test.advance(500)
    expect(test.pool.shareOf(test.at('a'))).toBe(1)
  })

  test('holds nobody back when all are new, or return together', () => {
    const test = new TestPool(named('ab'), { slowStartMs: 1_000 })
    expect(test.pool.backends.map(({ weight }) => weight)).toEqual([1, 1])
    const before = test.owners()
    const all = [...test.pool.backends]
    test.backends(named('ab', { state: 'out' }))
    test.backends(named('ab'))
    expect(all.map((backend) => test.pool.shareOf(backend))).toEqual([1, 1])
    expect(test.owners()).toEqual(before)
  })

  test('begins when a backend is not out or draining any more', () => {
    const test = new TestPool(named('ab'), { slowStartMs: 1_000 })
    test.backends([...named('a'), ...named('b', { state: 'draining' })])
    test.backends(named('ab'))
    expect(test.pool.shareOf(test.at('b'))).toBe(0.1)
    expect(test.pool.shareOf(test.at('a'))).toBe(1)
  })
})

describe('outlier ejection', () => {
  const badly = (test: TestPool, id: string, times: number) => {
    for (let i = 0; i < times; i++) test.at(id).answered(503, 1)
  }

  test('passes over a backend that answers 502 to 504 five times in a row, for two seconds', () => {
    const test = new TestPool(named('abc'))
    badly(test, 'a', 4)
    expect(test.owners()).toContain('a')
    badly(test, 'a', 1)
    expect(test.owners()).not.toContain('a')
    expect(test.events).toEqual([{ type: 'backend-ejected', pool: 'app', backend: 'a' }])
    expect(test.at('a').counters.ejections).toBe(1)
    // It can be reached: what this router thinks of its answers is not told to the others.
    expect(test.at('a').avoided).toBe(false)
    test.advance(1_999)
    expect(test.owners()).not.toContain('a')
    test.advance(1)
    expect(test.owners()).toContain('a')
  })

  test('counts malformed and broken off responses, and those that did not come, but no 500', () => {
    const test = new TestPool(named('ab'))
    for (let i = 0; i < 10; i++) test.at('a').answered(500, 1)
    expect(test.events).toEqual([])
    test.at('a').failed(GARBAGE)
    test.at('a').failed(GARBAGE)
    test.at('a').broke({ code: 'CLOSED', text: 'closed the connection' })
    test.at('a').broke({ code: 'RESET', text: 'broke the connection' })
    expect(test.events).toEqual([])
    test.at('a').slow()
    expect(test.events.map(({ type }) => type)).toEqual(['backend-ejected'])
  })

  test('is capped, and never takes the last backend that is usable', () => {
    const test = new TestPool(named('abcde'))
    for (const id of 'abcde') badly(test, id, 5)
    expect(test.events).toHaveLength(2)

    const two = new TestPool(named('ab'))
    two.at('a').failed(REFUSED)
    badly(two, 'b', 50)
    expect(two.at('b').usable).toBe(true)
    const one = new TestPool(named('a'))
    badly(one, 'a', 50)
    expect(one.at('a').usable).toBe(true)
  })

  test('takes its limits from the pool, and is off with ejectPercentMax 0', () => {
    const strict = new TestPool(named('ab'), { outliers: { failuresMax: 2, ejectMsMin: 100 } })
    badly(strict, 'a', 2)
    expect(strict.at('a').usable).toBe(false)
    strict.advance(100)
    expect(strict.at('a').usable).toBe(true)
    const off = new TestPool(named('ab'), { outliers: { ejectPercentMax: 0 } })
    badly(off, 'a', 50)
    expect(off.at('a').usable).toBe(true)
  })
})

describe('panic', () => {
  test('uses all that are up when fewer than panicPercent are usable', () => {
    const test = new TestPool(
      [...named('abcd'), ...named('e', { state: 'draining' }), ...named('f', { state: 'out' })],
      { panicPercent: 50, balance: 'round-robin' },
    )
    test.at('a').failed(REFUSED)
    test.at('b').failed(REFUSED)
    expect(test.turns(8)).toEqual({ c: 4, d: 4 })
    test.at('c').failed(REFUSED)
    expect(test.turns(8)).toEqual({ a: 2, b: 2, c: 2, d: 2 })
    expect(test.events.at(-1)).toEqual({ type: 'pool-panic', pool: 'app', usable: 1, up: 4 })
    // What members are told of a backend is what was seen of it.
    expect(test.at('a').avoided).toBe(true)
    test.backends([...named('d'), ...named('ab', { state: 'out' })])
    expect(test.pool.panic).toBe(false)
    expect(test.events.at(-1)).toEqual({ type: 'pool-calm', pool: 'app' })
  })

  test('is not before the share, and always when none is usable', () => {
    const test = new TestPool(named('abcdefghijk'), { balance: 'round-robin' })
    for (const id of 'abcdefghi') test.at(id).failed(REFUSED)
    expect(test.pool.panic).toBe(false)
    test.at('j').failed(REFUSED)
    // 1 of 11 is less than a tenth.
    expect(test.pool.panic).toBe(true)
    const two = new TestPool(named('ab'), { panicPercent: 0, balance: 'round-robin' })
    two.at('a').failed(REFUSED)
    expect(two.turns(2)).toEqual({ b: 2 })
    two.at('b').failed(REFUSED)
    expect(two.turns(4)).toEqual({ a: 2, b: 2 })
  })
})

describe('zone and load', () => {
  const zoned = [...named('ab', { zone: 'near' }), ...named('cd', { zone: 'far' })]

  test.each(['hash', 'round-robin', 'least-connections', 'p2c'] as const)(
    'a session that is placed by %s stays in the zone of its router while that has room',
    (balance) => {
      const test = new TestPool(zoned, { zone: 'near', balance })
      expect(new Set(test.owners(true))).toEqual(new Set(['a', 'b']))
      test.at('a').inFlight = 50
      test.at('b').inFlight = 50
      expect(test.owners(true).some((id) => 'cd'.includes(id))).toBe(true)
      for (const id of 'ab') test.at(id).failed(REFUSED)
      expect(test.owners(true).every((id) => 'cd'.includes(id))).toBe(true)
    },
  )

  test('keys of plain hash stay with their owner, unless allowSpill', () => {
    const plain = new TestPool(zoned, { zone: 'near' })
    plain.at('a').inFlight = 1_000
    expect(new Set(plain.owners())).toEqual(new Set(['a', 'b', 'c', 'd']))
    const spills = new TestPool(zoned, { zone: 'near', allowSpill: true })
    expect(new Set(spills.owners())).toEqual(new Set(['a', 'b']))
    spills.at('a').inFlight = 1_000
    expect(spills.owners()).not.toContain('a')
  })

  test('a backend carries loadFactor times its fair share, and not one more', () => {
    const test = new TestPool(named('ab'), { loadFactor: 1.5 })
    // Of 10 with one more each may have ceil(1.5 × 11 / 2) = 9.
    test.at('a').inFlight = 8
    test.at('b').inFlight = 2
    expect(test.owners(true)).toContain('a')
    test.at('a').inFlight = 9
    test.at('b').inFlight = 1
    expect(test.owners(true)).not.toContain('a')
  })
})

test('a backend that stays unreachable is waited for no longer than once', () => {
  const test = new TestPool(named('ab'))
  const backend = test.at('a')
  expect(backend.isLost(10_000, 1_000)).toBe(false)
  backend.failed(REFUSED)
  expect(backend.isLost(1_999, 1_000)).toBe(false)
  expect(backend.isLost(2_000, 1_000)).toBe(true)
})
