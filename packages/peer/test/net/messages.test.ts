import { describe, expect, it } from 'vitest'
import type { PeerError } from '../../src/index.ts'
import { ask, eventually, linkUp, RawPeer, startHub } from './harness.ts'

const pair = async (
  aOptions: Parameters<typeof startHub>[1] = {},
  bOptions: Parameters<typeof startHub>[1] = {},
) => {
  const a = await startHub('a', aOptions)
  const b = await startHub('b', bOptions)
  await linkUp(a, b)
  return { a, b }
}

/** A hub `a` with a link to a peer that reads nothing, so that all that is sent waits. */
const deafPair = async (limits: NonNullable<Parameters<typeof startHub>[1]>['limits'] = {}) => {
  const a = await startHub('a', { limits: { silenceMs: 3_600_000, ...limits } })
  const b = await RawPeer.dial(a.hub.address)
  await b.greet('b')
  await a.journal.until('up b')
  b.socket.pause()
  await eventually(() => a.hub.links()[0]?.queuedBytes === 0)
  return { a, b }
}

describe('messages', () => {
  it('come in order, whatever their size, between requests', async () => {
    const { a, b } = await pair()
    const seen: number[] = []
    const count = 3_000
    b.hub.onMessage((_from, message) => seen.push((message as [number])[0]))
    b.hub.onRequest((_from, message, respond) => {
      seen.push(message as number)
      respond(null)
    })
    for (let i = 0; i < count - 1; i++) {
      if (i % 7 === 0) a.hub.request('b', i, { timeoutMs: 10_000 }, () => {})
      else a.hub.send('b', [i, new Uint8Array(i % 100 === 1 ? 70_000 : i % 50)])
    }
    await ask(a.hub, 'b', count - 1)
    expect(seen).toEqual(Array.from({ length: count }, (_, i) => i))
  })

  it('come after onUp, and none after onDown', async () => {
    const a = await startHub('a')
    const b = await startHub('b')
    const order: string[] = []
    b.hub.onUp(() => order.push('up'))
    b.hub.onMessage((_from, message) => {
      order.push(String(message))
      if (message === 2) b.hub.setPeers([])
    })
    b.hub.onDown(() => order.push('down'))
    a.hub.onUp(() => {
      for (const message of [1, 2, 3]) a.hub.send('b', message)
    })
    await linkUp(a, b)
    await a.journal.until('down b')
    expect(order.slice(0, 4)).toEqual(['up', '1', '2', 'down'])
  })

  it('of one turn leave in one write', async () => {
    const { a } = await pair()
    await ask(a.hub, 'b', 0)
    const before = a.hub.stats()
    for (let i = 0; i < 100; i++) a.hub.send('b', i)
    await ask(a.hub, 'b', 0)
    const after = a.hub.stats()
    expect(after.framesOut - before.framesOut).toBeGreaterThanOrEqual(101)
    // One, and a heartbeat that may have come between.
    expect(after.writes - before.writes).toBeLessThanOrEqual(3)
  })

  it('carry bytes of one class, however the stream was cut', async () => {
    const { a, b } = await pair()
    const classes = new Set<unknown>()
    b.hub.onMessage((_from, message) => classes.add((message as object).constructor))
    for (const bytes of [1, 100_000, 3, 1_000_000, 5]) a.hub.send('b', new Uint8Array(bytes))
    await ask(a.hub, 'b', 0)
    expect([...classes]).toEqual([Uint8Array])
  })

  it('find no taker without a link', async () => {
    const a = await startHub('a')
    expect(a.hub.send('b', 1)).toBe(false)
    expect(await ask(a.hub, 'b', 1)).toMatchObject({ code: 'LINK_DOWN' })
  })

  it('that cannot be carried are the sender’s error, and cost the link nothing', async () => {
    const { a } = await pair()
    const cyclic: unknown[] = []
    cyclic.push(cyclic)
    expect(() => a.hub.send('b', cyclic)).toThrow(
      expect.objectContaining({ code: 'MESSAGE_INVALID' }),
    )
    expect(() => a.hub.send('b', new Uint8Array(16 * 1024 * 1024))).toThrow(
      expect.objectContaining({ code: 'MESSAGE_TOO_LARGE' }),
    )
    expect(await ask(a.hub, 'b', cyclic)).toMatchObject({ code: 'MESSAGE_INVALID' })
    expect(a.hub.isUp('b')).toBe(true)
  })

  it('wait up to queueBytesMax and not a byte more', async () => {
    const frame = new Uint8Array(1_000 - 8)
    const { a } = await deafPair({ queueBytesMax: 5_000 })
    for (let i = 0; i < 5; i++) expect(a.hub.send('b', frame)).toBe(true)
    expect(a.hub.links()[0]?.queuedBytes).toBe(5_000)
    expect(a.hub.send('b', null)).toBe(false)
    expect(await ask(a.hub, 'b', null)).toMatchObject({ code: 'QUEUE_FULL' })
    expect(a.hub.stats().queueRefusals).toBe(2)
  })

  it('wait in bounds for a peer that never reads', async () => {
    const { a } = await deafPair({ queueBytesMax: 1_000_000 })
    let sent = 0
    while (sent < 1_000 && a.hub.send('b', new Uint8Array(100_000))) {
      sent++
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(sent).toBeLessThan(1_000)
    expect(a.hub.links()[0]?.queuedBytes).toBeLessThanOrEqual(1_000_000)
  })

  it('reach every listener though one throws', async () => {
    const { a, b } = await pair()
    b.hub.onMessage(() => {
      throw new Error('a bug')
    })
    const last = new Promise((resolve) => b.hub.onMessage((_from, message) => resolve(message)))
    const remove = b.hub.onMessage(() => expect.unreachable())
    remove()
    a.hub.send('b', 'hello')
    expect(await last).toBe('hello')
    expect(b.hub.stats().listenerErrors).toBe(1)
    expect(b.journal.count('log a listener of onMessage threw')).toBe(1)
  })
})

describe('requests', () => {
  it('get the reply or the failure of the other side', async () => {
    const { a, b } = await pair()
    b.hub.onRequest((from, message, respond, fail) => {
      if (message === 'fail') fail('NOT_OWNER', `not here, ${from.name}`)
      else respond({ echo: message })
      respond('a second answer')
      fail('AGAIN', 'a third')
    })
    expect(await ask(a.hub, 'b', 'x')).toMatchObject({ code: undefined, reply: { echo: 'x' } })
    expect(await ask(a.hub, 'b', 'fail')).toMatchObject({
      code: 'REQUEST_FAILED',
      failure: 'NOT_OWNER',
      text: 'not here, a',
    })
    expect(a.hub.stats().lateReplies).toBe(0)
  })

  it('fail when nobody handles them, the handler throws, or the reply cannot be carried', async () => {
    const { a, b } = await pair()
    expect(await ask(a.hub, 'b', 1)).toMatchObject({ failure: 'NO_HANDLER' })
    b.hub.onRequest((_from, message, respond) => {
      if (message === 'throw') throw new Error('a bug')
      respond(Symbol('cannot travel'))
    })
    expect(await ask(a.hub, 'b', 'throw')).toMatchObject({ failure: 'HANDLER_FAILED' })
    expect(await ask(a.hub, 'b', 'symbol')).toMatchObject({ failure: 'REPLY_INVALID' })
    expect(b.hub.stats().listenerErrors).toBe(2)
  })

  it('end at their deadline, and the reply that comes after it is ignored', async () => {
    const { a, b } = await pair()
    let answer: (() => void) | undefined
    b.hub.onRequest((_from, message, respond) => {
      if (message === 'late') answer = () => respond('too late')
      else respond('in time')
    })
    const calls: (PeerError | undefined)[] = []
    await new Promise<void>((resolve) => {
      a.hub.request('b', 'late', { timeoutMs: 30 }, (error) => {
        calls.push(error)
        resolve()
      })
    })
    await eventually(() => answer !== undefined)
    answer?.()
    expect(await ask(a.hub, 'b', 'now')).toMatchObject({ reply: 'in time' })
    expect(calls.map((error) => error?.code)).toEqual(['TIMEOUT'])
    expect(a.hub.stats()).toMatchObject({ lateReplies: 1, requestTimeouts: 1 })
  })

  it('refuse a deadline that is none', async () => {
    const { a } = await pair()
    for (const timeoutMs of [-1, Number.NaN, 86_400_001])
      expect(await ask(a.hub, 'b', 1, timeoutMs)).toMatchObject({ code: 'OPTIONS_INVALID' })
  })

  it('end when the link goes down', async () => {
    const { a, b } = await pair()
    b.hub.onRequest(() => b.hub.setPeers([]))
    expect(await ask(a.hub, 'b', 1)).toMatchObject({ code: 'LINK_DOWN' })
  })

  it('wait for replies up to requestsMax and not one more', async () => {
    const { a, b } = await pair({ limits: { requestsMax: 3 } })
    const answers: (() => void)[] = []
    b.hub.onRequest((_from, _message, respond) => answers.push(() => respond('ok')))
    const asked = [1, 2, 3].map((n) => ask(a.hub, 'b', n))
    expect(await ask(a.hub, 'b', 4)).toMatchObject({ code: 'QUEUE_FULL' })
    await eventually(() => answers.length === 3)
    for (const answer of answers) answer()
    expect((await Promise.all(asked)).map(({ reply }) => reply)).toEqual(['ok', 'ok', 'ok'])
  })

  it('of one peer wait for us up to inboundRequestsMax, and make room when their deadline is over', async () => {
    let offset = 0
    const now = (): number => performance.now() + offset
    const { a, b } = await pair({}, { now, limits: { inboundRequestsMax: 2 } })
    b.hub.onRequest((_from, message, respond) => {
      if (message === 'answer') respond('ok')
    })
    const forgotten = [ask(a.hub, 'b', 1, 60_000), ask(a.hub, 'b', 2, 60_000)]
    expect(await ask(a.hub, 'b', 'answer')).toMatchObject({ failure: 'BUSY' })
    offset = 61_000
    expect(await ask(a.hub, 'b', 'answer')).toMatchObject({ reply: 'ok' })
    expect(b.hub.stats().requestsBusy).toBe(1)
    await a.hub.close()
    expect((await Promise.all(forgotten)).map(({ code }) => code)).toEqual(['CLOSED', 'CLOSED'])
  })

  it('are answered with a failure when the reply has no room', async () => {
    const { a, b } = await pair({}, { limits: { queueBytesMax: 10_000 } })
    b.hub.onRequest((_from, _message, respond) => respond(new Uint8Array(20_000)))
    expect(await ask(a.hub, 'b', 1)).toMatchObject({ failure: 'QUEUE_FULL' })
  })
})
