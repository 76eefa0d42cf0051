import { describe, expect, it } from 'vitest'
import { EventFeed } from '../../src/net/event-feed.ts'
import { EVENTS_QUEUED_MAX } from '../../src/net/limits.ts'

type E = { readonly type: 'a'; readonly n: number } | { readonly type: 'b' }
const feedOf = (failed: (error: unknown) => void = () => undefined) => new EventFeed<E>(failed)

describe('the event feed', () => {
  it('calls the listeners of a type until they are taken off', () => {
    const feed = feedOf()
    const seen: number[] = []
    const listener = ({ n }: { n: number }) => seen.push(n)
    feed.on('a', listener)
    feed.emit({ type: 'a', n: 1 })
    feed.emit({ type: 'b' })
    feed.off('a', listener)
    feed.emit({ type: 'a', n: 2 })
    expect(seen).toEqual([1])
  })

  it('a listener that throws is reported and does not silence the next one', () => {
    const errors: unknown[] = []
    const feed = feedOf((error) => errors.push(error))
    const seen: string[] = []
    feed.on('b', () => {
      throw new Error('mine')
    })
    feed.on('b', () => seen.push('still called'))
    feed.emit({ type: 'b' })
    expect([errors.length, seen]).toEqual([1, ['still called']])
  })

  it('readers get what happens from their start on, in order, and end with the feed', async () => {
    const feed = feedOf()
    feed.emit({ type: 'a', n: 0 })
    const reader = feed.read()
    const waiting = reader.next()
    feed.emit({ type: 'a', n: 1 })
    feed.emit({ type: 'a', n: 2 })
    feed.close()
    expect(await waiting).toEqual({ done: false, value: { type: 'a', n: 1 } })
    const rest = []
    for await (const event of reader) rest.push(event)
    expect(rest).toEqual([{ type: 'a', n: 2 }])
    expect((await feed.read().next()).done).toBe(true)
  })

  it('a reader that falls behind is told how much it lost and gets the newest', async () => {
    const feed = feedOf()
    const atLimit = feed.read()
    for (let n = 0; n < EVENTS_QUEUED_MAX; n += 1) feed.emit({ type: 'a', n })
    const beyond = feed.read()
    expect((await atLimit.next()).value).toEqual({ type: 'a', n: 0 })
    for (let n = 0; n <= EVENTS_QUEUED_MAX; n += 1) feed.emit({ type: 'a', n })
    expect((await beyond.next()).value).toEqual({ type: 'lost', count: 1 })
    expect((await beyond.next()).value).toEqual({ type: 'a', n: 1 })
  })

  it('a loop that is left lets go of its queue', async () => {
    const feed = feedOf()
    const reader = feed.read()
    feed.emit({ type: 'b' })
    feed.emit({ type: 'b' })
    for await (const event of reader) {
      expect(event).toEqual({ type: 'b' })
      break
    }
    expect((await reader.next()).done).toBe(true)
  })
})
