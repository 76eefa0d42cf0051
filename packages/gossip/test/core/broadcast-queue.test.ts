import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BroadcastQueue } from '../../src/core/broadcast-queue.ts'
import { PACKET_MESSAGES_MAX } from '../../src/core/limits.ts'
import type { Message, User } from '../../src/core/messages.ts'

/** A message of so many bytes; its first byte is its mark. */
const news = (bytes: number, mark = 0): User => {
  const payload = new Uint8Array(bytes)
  if (bytes > 0) payload[0] = mark
  return { type: 'user', payload }
}

const measure = (message: Message) => (message.type === 'user' ? message.payload.length : 0)

const queueOf = (sizeMax = 1000) => new BroadcastQueue(measure, sizeMax)

function take(queue: BroadcastQueue, budget: number, limit: number): Message[] {
  const packet: Message[] = []
  queue.take(budget, limit, packet)
  return packet
}

const marks = (packet: readonly Message[]) =>
  packet.map((message) => (message.type === 'user' ? message.payload[0] : undefined))

describe('the broadcast queue', () => {
  test('spends what it may on each packet, and forgets what was told often enough', () => {
    const queue = queueOf()
    // 19 bytes and 2 of compound overhead: three fit in 80.
    for (const name of ['b', 'c', 'd', 'e']) queue.put(name, news(19))
    const sizes = [0, 1, 2, 3].map(() => take(queue, 80, 2).length)
    expect(sizes).toEqual([3, 3, 2, 0])
    expect(queue.size).toBe(0)
  })

  test('has one piece of news about one name, the newest', () => {
    const queue = queueOf()
    queue.put('b', news(10, 1))
    take(queue, 100, 9)
    queue.put('b', news(10, 2))
    queue.put('c', news(10, 3))
    expect(queue.size).toBe(2)
    expect(marks(take(queue, 100, 9)).sort()).toEqual([2, 3])
  })

  test('sends what was told least first, then the longest, then the newest', () => {
    const queue = queueOf()
    queue.put('old', news(30, 1))
    take(queue, 100, 9)
    queue.put('short', news(5, 2))
    queue.put('long', news(20, 3))
    queue.put('newer', news(20, 4))
    expect(marks(take(queue, 1000, 9))).toEqual([4, 3, 2, 1])
  })

  test('fills the rest of a packet with what still fits', () => {
    const queue = queueOf()
    queue.put('big', news(60, 1))
    queue.put('bigger', news(70, 2))
    queue.put('small', news(8, 3))
    expect(marks(take(queue, 82, 9))).toEqual([2, 3])
  })

  test('takes a message that fits exactly, and leaves one of a byte more', () => {
    const queue = queueOf()
    queue.put('b', news(48))
    expect(take(queue, 49, 9)).toEqual([])
    expect(take(queue, 50, 9)).toHaveLength(1)
  })

  test('lets nameless news stand beside each other', () => {
    const queue = queueOf()
    queue.put('', news(4, 1))
    queue.put('', news(4, 2))
    expect(queue.size).toBe(2)
    expect(take(queue, 100, 1)).toHaveLength(2)
    expect(queue.size).toBe(0)
  })

  test('at its cap drops the oldest of the most told, and never grows', () => {
    const queue = queueOf(3)
    queue.put('b', news(4, 1))
    queue.put('c', news(4, 2))
    take(queue, 100, 9)
    queue.put('d', news(4, 3))
    expect(queue.size).toBe(3)
    queue.put('e', news(4, 4))
    expect(queue.size).toBe(3)
    expect(queue.get('b')).toBeUndefined()
    expect(queue.get('c')).toBeDefined()
    // Replacing does not need room.
    queue.put('e', news(4, 5))
    expect(queue.size).toBe(3)
  })

  test('makes no packet of more parts than old peers can read', () => {
    const queue = queueOf()
    for (let index = 0; index <= PACKET_MESSAGES_MAX; index++) queue.put(`n${index}`, news(1))
    expect(take(queue, 65_000, 9)).toHaveLength(PACKET_MESSAGES_MAX)
    expect(take(queue, 65_000, 9).length).toBeLessThanOrEqual(PACKET_MESSAGES_MAX)
  })

  test('tells everything exactly as often as it should, within every budget', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(
        sizes,
        fc.integer({ min: 62, max: 200 }),
        fc.integer({ min: 1, max: 5 }),
        (lengths, budget, limit) => {
          const queue = queueOf()
          lengths.forEach((length, index) => {
            queue.put(`n${index}`, news(length, index))
          })
          const told = new Map<number, number>()
          for (let round = 0; round < 1000 && queue.size > 0; round++) {
            const packet = take(queue, budget, limit)
            const bytes = packet.reduce((sum, message) => sum + measure(message) + 2, 0)
            expect(bytes).toBeLessThanOrEqual(budget)
            for (const mark of marks(packet)) told.set(mark ?? -1, (told.get(mark ?? -1) ?? 0) + 1)
          }
          expect(queue.size).toBe(0)
          expect([...told.values()]).toEqual(lengths.map(() => limit))
        },
      ),
    )
  })
})
