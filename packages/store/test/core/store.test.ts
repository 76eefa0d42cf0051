import { describe, expect, it } from 'vitest'
import {
  createStore,
  PENDING_COMMANDS_MAX,
  StoreError,
  WAITERS_PER_WRITE_MAX,
} from '../../src/index.ts'
import { Bench } from './store-kit.ts'

const single = (options = {}): Bench => {
  const bench = new Bench()
  bench.add('a', options)
  bench.found('a')
  return bench
}

describe('a member alone', () => {
  it('serves commands after it founded the cluster', () => {
    const bench = single()
    expect(bench.ask('a', 'SET', 'k', 'v')).toBe('+OK\r\n')
    expect(bench.ask('a', 'GET', 'k')).toBe('$1\r\nv\r\n')
    expect(bench.ask('a', 'INCR', 'n')).toBe(':1\r\n')
    expect(bench.ask('a', 'DEL', 'k')).toBe(':1\r\n')
    expect(bench.ask('a', 'GET', 'k')).toBe('$-1\r\n')
  })

  it('answers nothing of its own before it founded, and says why when time is up', () => {
    const bench = new Bench()
    bench.add('a')
    const token = bench.send('a', 'GET', 'k')
    bench.pass(1_980)
    expect(bench.replies.has(token)).toBe(false)
    bench.pass(40)
    expect(bench.replies.get(token)).toMatch(/^-TRYAGAIN pool "store": no member serves slot \d+/)
  })

  it('founds among members that hold nothing, and not where one holds a slot', () => {
    const bench = new Bench()
    for (const name of ['a', 'b']) bench.add(name)
    bench.topology(['a', 'b'], { a: 'joining', b: 'joining' }).link('a', 'b')
    expect(bench.found('a')).toBe(true)
    bench.deliver()
    expect(bench.found('a')).toBe(false)
    expect(bench.found('b')).toBe(false)
    bench.pass(2_000)
    for (const name of ['a', 'b']) {
      expect(bench.ask(name, 'SET', 'k', name)).toBe('+OK\r\n')
      expect(bench.store(name).status()).toMatchObject({ held: 16, unserved: 0, safe: true })
    }
  })

  it('hides what expired, and removes it for good', () => {
    const bench = single()
    bench.ask('a', 'SET', 'k', 'v', 'PX', '100')
    bench.pass(80)
    expect(bench.ask('a', 'GET', 'k')).toBe('$1\r\nv\r\n')
    bench.pass(40)
    expect(bench.ask('a', 'GET', 'k')).toBe('$-1\r\n')
    expect(bench.store('a').status().entries).toBe(0)
  })

  it('forgets tombstones when their time has come', () => {
    const bench = single({ tombstoneMs: 1_000 })
    bench.ask('a', 'SET', 'k', 'v')
    bench.ask('a', 'DEL', 'k')
    const before = bench.store('a').status().bytes
    bench.pass(2_000)
    expect(bench.store('a').status().bytes).toBeLessThanOrEqual(before)
    expect(bench.ask('a', 'GET', 'k')).toBe('$-1\r\n')
  })

  it('names commands that it does not know, and wrong numbers of arguments', () => {
    const bench = single()
    expect(bench.ask('a', 'FOO', 'k')).toMatch(
      /^-ERR unknown command 'FOO': the embedded store does not have it/,
    )
    expect(bench.ask('a', 'GET', 'k', 'x')).toBe(
      "-ERR wrong number of arguments for 'get' command\r\n",
    )
    expect(bench.ask('a', 'DBSIZE', 'x')).toBe(
      "-ERR wrong number of arguments for 'dbsize' command\r\n",
    )
  })

  it('evicts with allkeys-lru, and refuses with noeviction', () => {
    const value = 'x'.repeat(200_000)
    const lru = single({ maxMemoryBytes: 8 * 1024 * 1024 })
    const full = single({ maxMemoryBytes: 8 * 1024 * 1024, maxMemoryPolicy: 'noeviction' })
    const replies = new Set<string>()
    for (let i = 0; i < 100; i++) {
      expect(lru.ask('a', 'SET', `k${i}`, value)).toBe('+OK\r\n')
      replies.add(full.ask('a', 'SET', `k${i}`, value))
    }
    expect(lru.store('a').status().counters.evictions).toBeGreaterThan(0)
    expect(lru.ask('a', 'GET', 'k99')).toContain(value)
    expect([...replies]).toEqual([
      '+OK\r\n',
      "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
    ])
    for (const bench of [lru, full]) {
      const { bytes, maxBytes } = bench.store('a').status()
      expect(bytes).toBeLessThanOrEqual(maxBytes)
    }
  })
})

describe('options', () => {
  const base = { name: 'a', instance: '1', random: () => 0 }
  it.each([
    [{ replicas: 0 }, 'replicas'],
    [{ replicas: 9 }, 'replicas'],
    [{ minCopies: 3 }, 'minCopies'],
    [{ slotCount: 48 }, 'slotCount'],
    [{ slotCount: 32_768 }, 'slotCount'],
    [{ silenceMs: 1_499 }, 'silenceMs'],
    [{ name: '' }, 'name'],
  ])('outside their range are refused by name: %j', (options, name) => {
    const attempt = () => createStore({ ...base, ...options })
    expect(attempt).toThrow(StoreError)
    expect(attempt).toThrow(name)
  })

  it('at their limits are taken', () => {
    expect(() =>
      createStore({ ...base, replicas: 8, minCopies: 8, silenceMs: 1_500 }),
    ).not.toThrow()
  })
})

describe('three members', () => {
  it('answer every command through each of them, and are safe', () => {
    const bench = Bench.three()
    for (let i = 0; i < 50; i++) expect(bench.ask('b', 'SET', `k${i}`, `v${i}`)).toBe('+OK\r\n')
    for (const name of ['a', 'b', 'c']) {
      for (let i = 0; i < 50; i++)
        expect(bench.ask(name, 'GET', `k${i}`)).toBe(`$${`v${i}`.length}\r\nv${i}\r\n`)
      expect(bench.ask(name, 'DBSIZE')).toBe(':50\r\n')
      expect(bench.store(name).status().safe).toBe(true)
    }
    const copies = ['a', 'b', 'c'].map((name) => bench.store(name).status().entries)
    expect(copies.reduce((sum, count) => sum + count)).toBe(100)
  })

  it('list, scan and flush all keys', () => {
    const bench = Bench.three()
    for (let i = 0; i < 30; i++) bench.ask('a', 'SET', `k${i}`, 'v')
    expect(bench.ask('b', 'KEYS', 'k1*').split('\r\n')[0]).toBe('*11')
    expect(bench.ask('b', 'RANDOMKEY')).toMatch(/^\$\d\r\nk\d+\r\n$/)
    const seen = new Set<string>()
    let cursor = '0'
    let calls = 0
    do {
      const lines = bench.ask('c', 'SCAN', cursor, 'COUNT', '7').split('\r\n')
      cursor = lines[2] ?? '0'
      for (const line of lines.slice(3)) if (line.startsWith('k')) seen.add(line)
    } while (cursor !== '0' && ++calls < 200)
    expect(seen.size).toBe(30)
    expect(bench.ask('c', 'FLUSHALL')).toBe('+OK\r\n')
    expect(bench.ask('a', 'DBSIZE')).toBe(':0\r\n')
    for (const name of ['a', 'b', 'c']) expect(bench.ask(name, 'GET', 'k1')).toBe('$-1\r\n')
  })

  it('scan a slot of many keys in parts, each key at least once', () => {
    const bench = Bench.three()
    for (let i = 0; i < 3_000; i++) bench.ask('a', 'SET', `{tag}${i}`, 'v')
    const seen = new Set<string>()
    let cursor = '0'
    let largest = 0
    for (let calls = 0; calls < 100; calls++) {
      const lines = bench.ask('b', 'SCAN', cursor, 'MATCH', '{tag}*').split('\r\n')
      cursor = lines[2] ?? '0'
      const keys = lines.filter((line) => line.startsWith('{tag}'))
      largest = Math.max(largest, keys.length)
      for (const key of keys) seen.add(key)
      if (cursor === '0') break
    }
    expect(cursor).toBe('0')
    expect(seen.size).toBe(3_000)
    expect(largest).toBeLessThan(1_500)
  })

  it('have every key after one is killed, through both others', () => {
    const bench = Bench.three()
    for (let i = 0; i < 50; i++) bench.ask('a', 'SET', `k${i}`, `v${i}`)
    bench.stores.delete('a')
    for (const [name, store] of bench.stores) store.linkDown('a', bench.now, bench.out(name))
    bench.deliver()
    for (const name of ['b', 'c'])
      for (let i = 0; i < 50; i++) expect(bench.ask(name, 'GET', `k${i}`)).toContain(`v${i}\r\n`)
    bench.topology(['b', 'c']).pass(1_000)
    for (const name of ['b', 'c']) expect(bench.store(name).status().safe).toBe(true)
  })

  it('take a new instance of a name for an empty member, though nobody saw the old one go', () => {
    const bench = Bench.three()
    for (let i = 0; i < 50; i++) bench.ask('a', 'SET', `k${i}`, `v${i}`)
    bench.add('a', { instance: 'a-2' })
    for (const other of ['b', 'c']) {
      bench.store(other).linkUp('a', 'a-2', bench.now, bench.out(other))
      bench.store('a').linkUp(other, `${other}-1`, bench.now, bench.out('a'))
    }
    bench.deliver()
    for (let i = 0; i < 50; i++) expect(bench.ask('b', 'GET', `k${i}`)).toContain(`v${i}\r\n`)
    const members = ['a', 'b', 'c'].map((name) => ({
      name,
      instance: name === 'a' ? 'a-2' : `${name}-1`,
      state: 'active' as const,
    }))
    for (const [name, store] of bench.stores)
      store.topology({ members }, bench.now, bench.out(name))
    bench.pass(1_500)
    for (let i = 0; i < 50; i++) expect(bench.ask('a', 'GET', `k${i}`)).toContain(`v${i}\r\n`)
    expect(bench.store('b').status().counters.restarts).toBe(1)
    // Late news of the former instance changes nothing.
    bench.topology(['a', 'b', 'c'])
    expect(bench.store('b').status().counters.restarts).toBe(1)
  })

  it("hand a leaver's slots over before it may go", () => {
    const bench = Bench.three()
    for (let i = 0; i < 50; i++) bench.ask('a', 'SET', `k${i}`, `v${i}`)
    expect(bench.store('a').handedOver()).toBe(false)
    bench.topology(['a', 'b', 'c'], { a: 'draining' }).pass(3_000)
    expect(bench.store('a').handedOver()).toBe(true)
    expect(bench.store('a').status().entries).toBe(0)
    for (let i = 0; i < 50; i++) expect(bench.ask('a', 'GET', `k${i}`)).toContain(`v${i}\r\n`)
  })

  it('let a leaver go that once filled its slots, however much is written', () => {
    const bench = Bench.three()
    const keys = Array.from({ length: 60 }, (_, i) => `k${i}`)
    const write = (): void => keys.forEach((key) => void bench.ask('a', 'INCR', key))
    write()
    bench.topology(['a', 'b', 'c'], { b: 'draining' })
    for (let i = 0; i < 150; i++) {
      bench.pass(20)
      write()
    }
    expect(bench.store('b').status()).toMatchObject({ held: 0, leftOver: 0, entries: 0 })
    expect(bench.store('b').handedOver()).toBe(true)
    for (const key of keys) expect(bench.ask('c', 'GET', key)).toContain('151')
  })

  it('refuse writes with fewer reachable copies than minCopies', () => {
    const bench = Bench.three({ replicas: 3, minCopies: 2 })
    expect(bench.ask('a', 'SET', 'k', 'v')).toBe('+OK\r\n')
    bench.unlink('a', 'b').unlink('a', 'c').pass(600, false)
    const slotsOfA = Array.from({ length: 40 }, (_, i) => bench.ask('a', 'SET', `k${i}`, 'v'))
    expect(slotsOfA.some((reply) => reply.startsWith('-NOREPLICAS'))).toBe(true)
    expect(slotsOfA.some((reply) => reply === '+OK\r\n')).toBe(false)
  })

  it('answer -CLUSTERDOWN on the smaller side under majority', () => {
    const bench = Bench.three({ partitionPolicy: 'majority' })
    bench.unlink('a', 'b').unlink('a', 'c').pass(1_000)
    const tokens = ['k1', 'k2', 'k3'].map((key) => bench.send('a', 'GET', key))
    bench.pass(2_100)
    for (const token of tokens) expect(bench.replies.get(token)).toMatch(/^-CLUSTERDOWN/)
    expect(bench.ask('b', 'SET', 'k1', 'v')).toBe('+OK\r\n')
  })

  it('found lost slots anew only when all live members are there, and say so', () => {
    const bench = Bench.three({ replicas: 1 })
    for (let i = 0; i < 30; i++) bench.ask('a', 'SET', `k${i}`, 'v')
    bench.stores.delete('c')
    for (const [name, store] of bench.stores) store.linkDown('c', bench.now, bench.out(name))
    bench.pass(4_000)
    expect(bench.events.some(([, event]) => event.type === 'slots-lost')).toBe(false)
    bench.topology(['a', 'b']).pass(4_000)
    expect(bench.events.some(([, event]) => event.type === 'slots-lost')).toBe(true)
    for (let i = 0; i < 30; i++)
      expect(bench.ask('a', 'GET', `k${i}`)).toMatch(/^\$(1\r\nv|-1)\r\n$/)
  })

  it('ask who serves a slot when they missed the claim', () => {
    const bench = claimsLostOnTheWayTo('c')
    expect(bench.store('c').status().unserved).toBeGreaterThan(0)
    bench.pass(4_000)
    expectAllServed(bench)
  })

  it('ask who serves a slot when they knew of a higher claim that is gone', () => {
    const bench = claimsLostOnTheWayTo('c')
    // c promises its slots to a campaign that is never heard of again.
    const all = Array.from({ length: 16 }, () => 0)
    const epoch = (bench.now + 1_000) * 2_048
    const ask = { t: 'ask', id: 1, e: epoch, s: [0, 16], g: all, l: [], u: ['a'] } as const
    bench.store('c').receive('b', ask, bench.now, bench.out('c'))
    bench.pass(4_000)
    expectAllServed(bench)
  })

  it('keep the older of two clusters that meet, and merge the younger into it', () => {
    const bench = new Bench()
    bench.add('a')
    bench.found('a')
    bench.ask('a', 'SET', 'old', '1')
    bench.now += 10
    bench.add('b')
    bench.found('b')
    bench.ask('b', 'SET', 'young', '2')
    bench.topology(['a', 'b']).link('a', 'b').pass(4_000)
    for (const name of ['a', 'b']) {
      expect(bench.ask(name, 'GET', 'old')).toContain('1')
      expect(bench.ask(name, 'GET', 'young')).toContain('2')
      expect(bench.store(name).status().safe).toBe(true)
    }
    expect(
      bench.events.some(([name, event]) => name === 'b' && event.type === 'lineage-lost'),
    ).toBe(true)
  })

  it('refuse a member whose clock is too far ahead, and report it', () => {
    const bench = new Bench()
    bench.add('a')
    bench.found('a')
    bench.add('b')
    bench.topology(['a', 'b'])
    const early = bench.now
    bench.store('b').linkUp('a', 'a-1', early + 6_001, bench.out('b'))
    bench.store('a').linkUp('b', 'b-1', early, bench.out('a'))
    bench.deliver()
    expect(bench.store('a').status().reachable).toEqual([])
    expect(bench.events.find(([name]) => name === 'a')).toBeDefined()
    expect(bench.events.some(([name, { type }]) => name === 'a' && type === 'clock-drift')).toBe(
      true,
    )
  })
})

describe('limits', () => {
  it('of pending commands hold: one more is refused', () => {
    const bench = new Bench()
    bench.add('a')
    for (let i = 0; i < PENDING_COMMANDS_MAX; i++) bench.send('a', 'GET', 'k')
    expect(bench.replies.size).toBe(0)
    expect(bench.ask('a', 'GET', 'k')).toBe('-ERR pool "store": too many pending commands\r\n')
  })

  it('of reads that wait for one write hold: one more is refused', () => {
    const bench = Bench.three()
    const key = Array.from({ length: 64 }, (_, i) => `k${i}`).find(
      (name) =>
        bench.ask('a', 'SET', name, '1') !== '' &&
        bench.store('a').status().counters.forwards === 0,
    )
    expect(key).toBeDefined()
    const write = bench.send('a', 'SET', String(key), '2')
    const reads = Array.from({ length: WAITERS_PER_WRITE_MAX }, () =>
      bench.send('a', 'GET', String(key)),
    )
    expect(reads.some((token) => bench.replies.has(token))).toBe(false)
    const extra = bench.send('a', 'GET', String(key))
    expect(bench.replies.get(extra)).toMatch(/^-ERR .*too many pending commands/)
    bench.deliver()
    expect(bench.replies.get(write)).toBe('+OK\r\n')
    expect(reads.every((token) => bench.replies.get(token) === '$1\r\n2\r\n')).toBe(true)
  })
})

/** Three members that founded their slots together, and one that was told of no claim. */
function claimsLostOnTheWayTo(deaf: string): Bench {
  const bench = new Bench()
  for (const name of ['a', 'b', 'c']) bench.add(name)
  bench.topology(['a', 'b', 'c']).link('a', 'b').link('a', 'c').link('b', 'c')
  const isLost = ({ to, message }: (typeof bench.letters)[number]) =>
    to === deaf && message.t === 'claim'
  for (let step = 0; step < 150; step++) {
    bench.pass(20, false)
    for (let at = bench.letters.findIndex(isLost); at !== -1; at = bench.letters.findIndex(isLost))
      bench.letters.splice(at, 1)
    bench.deliver((letter) => !isLost(letter))
  }
  expect(bench.store('a').status().unserved).toBe(0)
  return bench
}

function expectAllServed(bench: Bench): void {
  for (const [name, store] of bench.stores)
    expect([name, store.status().unserved]).toEqual([name, 0])
  for (let i = 0; i < 16; i++) expect(bench.ask('c', 'SET', `k${i}`, 'v')).toBe('+OK\r\n')
}
