import { describe, expect, it } from 'vitest'
import { Bench } from './store-kit.ts'

/** Slots per serving member, as each member sees itself. */
const served = (bench: Bench): number =>
  [...bench.stores.values()].reduce((sum, store) => sum + store.status().acting, 0)

/**
 * `c` lost its links and asks on its own about what it holds; the links return, but what the others answer to its
 * question is under way for longer than it waits. It serves what the others serve, too.
 */
const answersTooLateFor = (name: string): Bench => {
  const bench = Bench.three()
  for (let i = 0; i < 40; i++) bench.ask('a', 'SET', `k${i}`, 'v0')
  bench.unlink('a', name).unlink('b', name)
  bench.pass(400)
  for (const other of ['a', 'b']) {
    bench.store(other).linkUp(name, `${name}-1`, bench.now, bench.out(other))
    bench.store(name).linkUp(other, `${other}-1`, bench.now, bench.out(name))
  }
  bench.deliver(({ to, message }) => to !== name || message.t === 'hi')
  for (let i = 0; i < 50; i++) {
    bench.pass(20, false)
    bench.deliver(({ from, to }) => to !== name && from !== name)
  }
  return bench
}

describe('a claim made while cut off', () => {
  it('is not made over the head of a member that serves and is reached again', () => {
    const bench = answersTooLateFor('c')
    const shared = [...Array(16).keys()].filter(
      (slot) =>
        bench.store('c').primaryOf(slot) === 'c' &&
        ['a', 'b'].some((name) => bench.store(name).primaryOf(slot) === name),
    )
    expect(shared).toEqual([])
  })

  it('is given up when the answers that it did not wait for arrive', () => {
    const bench = answersTooLateFor('c').deliver().pass(2_000)
    expect(served(bench)).toBe(16)
    for (const store of bench.stores.values()) expect(store.status().safe).toBe(true)
    for (let slot = 0; slot < 16; slot++)
      expect(new Set([...bench.stores.values()].map((store) => store.primaryOf(slot))).size).toBe(1)
  })

  it('is confirmed once most of the others are heard again, even without a new link', () => {
    const bench = Bench.three()
    const claims: number[] = []
    const deliver = (toC: boolean): Bench =>
      bench.deliver(({ from, to, message }) => {
        if (to === 'c' && !toC) return false
        if (from === 'c' && message.t === 'claim') claims.push(message.e)
        return true
      })
    bench.store('c').doubt(bench.now, bench.out('c'))
    for (let i = 0; i < 35; i++) {
      bench.pass(20, false)
      deliver(false)
    }
    expect(claims.some((epoch) => epoch < 0)).toBe(true)
    // What is written under such a claim says so.
    for (let i = 0; i < 20; i++) bench.send('c', 'SET', `k${i}`, 'v')
    const writes = bench.letters.flatMap(({ from, message }) =>
      from === 'c' && message.t === 'w' ? [message.e] : [],
    )
    expect(writes.length).toBeGreaterThan(0)
    for (const epoch of writes) expect(epoch).toBeLessThan(0)
    claims.length = 0
    for (let i = 0; i < 50; i++) {
      bench.pass(20, false)
      deliver(true)
    }
    expect(claims.some((epoch) => epoch > 0)).toBe(true)
    expect(served(bench)).toBe(16)
    for (const store of bench.stores.values()) expect(store.status().safe).toBe(true)
  })

  it('is not made at once by a member that was suspended, and acknowledges nothing meanwhile', () => {
    const bench = Bench.three()
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
    for (const key of keys) bench.ask('a', 'SET', key, 'v0')
    // The others notice after a while, and go on.
    for (let i = 0; i < 150; i++) {
      bench.now += 20
      for (const name of ['a', 'b']) bench.store(name).tick(bench.now, bench.out(name))
      bench.deliver(({ to }) => to !== 'c')
      if (i === 75)
        for (const name of ['a', 'b']) bench.store(name).linkDown('c', bench.now, bench.out(name))
    }
    bench.unlink('a', 'c').unlink('b', 'c').pass(100)
    const tokens = keys.map((key) => bench.send('c', 'SET', key, 'v1'))
    bench.pass(900)
    expect(tokens.map((token) => bench.replies.get(token))).toEqual(keys.map(() => undefined))
    bench.link('a', 'c').link('b', 'c').pass(500)
    expect(tokens.map((token) => bench.replies.get(token))).toEqual(keys.map(() => '+OK\r\n'))
    for (const key of keys) expect(bench.ask('a', 'GET', key)).toContain('v1')
  })

  it('is made by a suspended member in the end, if nobody comes back', () => {
    const bench = Bench.three()
    bench.ask('a', 'SET', 'k', 'v0')
    for (const name of ['a', 'b']) bench.stores.delete(name)
    bench.now += 3_000
    for (const name of ['a', 'b']) bench.store('c').linkDown(name, bench.now, bench.out('c'))
    bench.pass(1_900)
    expect(bench.store('c').status().acting).toBe(0)
    bench.pass(200)
    expect(bench.store('c').status().acting).toBeGreaterThan(0)
  })

  it('deposes nobody by a write', () => {
    const bench = Bench.three()
    bench.ask('a', 'SET', 'k', 'v0')
    const slot = [...Array(16).keys()].find(
      (slot) => bench.store('a').primaryOf(slot) === 'a' && bench.store('b').holds(slot),
    )
    if (slot === undefined) throw new Error('a serves nothing with b')
    const epoch = (bench.now + 1_000) * 2_048
    const key = new Uint8Array([1])
    const row = [slot, key, key, epoch, 7, 0, 0] as const
    const write = { t: 'w', id: 9, e: -epoch, r: row } as const
    for (const name of ['a', 'b']) {
      bench.store(name).receive('c', write, bench.now, bench.out(name))
      expect(bench.store(name).primaryOf(slot)).toBe('a')
      const answer = bench.letters.find(({ from, message }) => from === name && message.t === 'n')
      expect(answer?.message).toMatchObject({ why: 'primary', c: [slot, expect.any(Number), 'a'] })
    }
    // The same from a member that was not cut off is the news of a new primary.
    bench.store('b').receive('c', { ...write, e: epoch }, bench.now, bench.out('b'))
    expect(bench.store('b').primaryOf(slot)).toBe('c')
  })
})

describe('a campaign', () => {
  it('that lost the serving member on the way asks it again when it returns', () => {
    const bench = Bench.three()
    for (let i = 0; i < 40; i++) bench.ask('a', 'SET', `k${i}`, 'v0')
    // The others take c's slots over; c, back again, fills them and asks for them.
    bench.unlink('a', 'c').unlink('b', 'c')
    for (let i = 0; i < 20; i++) {
      bench.now += 20
      for (const name of ['a', 'b']) bench.store(name).tick(bench.now, bench.out(name))
      bench.deliver()
    }
    const asks = ({ from, message }: { from: string; message: { t: string } }) =>
      from === 'c' && message.t === 'ask'
    for (const other of ['a', 'b']) {
      bench.store(other).linkUp('c', 'c-1', bench.now, bench.out(other))
      bench.store('c').linkUp(other, `${other}-1`, bench.now, bench.out('c'))
    }
    for (let i = 0; i < 50; i++) {
      bench.pass(20, false)
      bench.deliver((letter) => !asks(letter) || letter.to !== 'a')
    }
    expect(bench.letters.some((letter) => asks(letter) && letter.to === 'a')).toBe(true)
    bench.unlink('a', 'b').unlink('a', 'c')
    bench.deliver(({ from }) => from !== 'b')
    bench.store('a').linkUp('c', 'c-1', bench.now, bench.out('a'))
    bench.store('c').linkUp('a', 'a-1', bench.now, bench.out('c'))
    bench.deliver(({ message }) => message.t === 'hi')
    bench.deliver(({ to }) => to !== 'a')
    const both = [...Array(16).keys()].filter(
      (slot) =>
        bench.store('a').primaryOf(slot) === 'a' && bench.store('c').primaryOf(slot) === 'c',
    )
    expect(both).toEqual([])
  })
})
