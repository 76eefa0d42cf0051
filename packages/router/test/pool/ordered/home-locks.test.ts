import { expect, it } from 'vitest'
import { DEFAULT_LIMITS } from '../../../src/limits.ts'
import { HomeLocks, LOCK_HOLD_MS } from '../../../src/pool/ordered/home-locks.ts'
import { Homes } from '../../../src/pool/ordered/homes.ts'
import type { OrderedMessage } from '../../../src/pool/ordered/message.ts'
import { Turn } from '../../../src/pool/turn.ts'

const KEY = Buffer.from('key')

function locks(homeLocksMax: number) {
  const said: string[] = []
  let held = 0
  const all = new HomeLocks({
    pool: 'cache',
    limits: { ...DEFAULT_LIMITS, homeLocksMax },
    turn: new Turn(() => 0),
    send: (to: string, message: OrderedMessage) => {
      if ('id' in message) said.push(`${to} ${message.type} ${message.id}`)
      return true
    },
    enter: async () => {
      held++
      return () => held--
    },
  })
  const ask = async (from: string, id: number) => {
    all.take(from, { pool: 'cache', type: 'lock', id, key: KEY })
    await Promise.resolve()
    return said.at(-1)
  }
  return { all, ask, held: () => held }
}

it('gives another router homeLocksMax keys at once and not one more, until it gives one back', async () => {
  const { all, ask, held } = locks(2)
  expect(await ask('one', 1)).toBe('one granted 1')
  expect(await ask('one', 2)).toBe('one granted 2')
  expect(await ask('one', 3)).toBe('one denied 3')
  // Each router has its own.
  expect(await ask('two', 1)).toBe('two granted 1')
  expect(held()).toBe(3)
  all.take('one', { pool: 'cache', type: 'unlock', id: 1 })
  expect(await ask('one', 4)).toBe('one granted 4')
  all.gone('one')
  expect(held()).toBe(1)
})

it('takes a key back from a router that keeps it for too long', async () => {
  const { all, ask, held } = locks(1)
  await ask('one', 1)
  all.tick(LOCK_HOLD_MS)
  expect(held()).toBe(1)
  all.tick(LOCK_HOLD_MS + 1)
  expect(held()).toBe(0)
})

it('waits homeChangeWaitMs for the routers that were home before, and not longer', () => {
  const homes = new Homes(2_000)
  const routers = ['a', 'b', 'c']
  homes.follow({ self: 'a', routers }, 0)
  for (const name of routers) homes.settled(name, homes.digest)
  // What `c` ordered is ours in part, and `c` may not be done with it.
  homes.follow({ self: 'a', routers: ['a', 'b'] }, 10_000)
  const waiting = Array.from({ length: 1_000 }, (_, place) => place).filter(
    (place) => homes.homeOf(place) === undefined && !homes.isReady(place, 11_999),
  )
  expect(waiting.length).toBeGreaterThan(50)
  expect(waiting.filter((place) => !homes.isReady(place, 12_000))).toEqual([])
  expect(homes.unsettled).toContain('c')
  expect([11_999, 12_000, 12_001].map((now) => homes.isOverdue(now))).toEqual([false, true, false])
})
