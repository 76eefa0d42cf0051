import { describe, expect, it } from 'vitest'
import { aesGcm, createNonceSource } from '../../src/net/aes-gcm.ts'
import { LimitedLog } from '../../src/net/limited-log.ts'
import { LOG_INTERVAL_MS, LOG_LINES_MAX } from '../../src/net/limits.ts'
import { pause } from '../../src/net/pause.ts'
import { SerfPresence } from '../../src/net/serf-presence.ts'
import { StreamBudget } from '../../src/net/stream-budget.ts'
import { frameUser, unframeUser } from '../../src/net/user-frame.ts'
import { decodeSerfIntent, encodeJoinIntent } from '../../src/wire/serf.ts'

describe('the limited log', () => {
  it('writes five lines of a kind per interval and then says how many it held back', () => {
    const lines: [string, object | undefined][] = []
    let now = 0
    const log = new LimitedLog(
      (_level, message, details) => lines.push([message, details]),
      () => now,
    )
    for (let n = 0; n < LOG_LINES_MAX + 3; n += 1) log.write('warn', 'bad packet')
    log.write('warn', 'something else')
    expect(lines.map(([message]) => message)).toEqual([
      ...Array.from({ length: LOG_LINES_MAX }, () => 'bad packet'),
      'something else',
    ])
    now = LOG_INTERVAL_MS
    log.write('warn', 'bad packet')
    expect(lines.at(-1)).toEqual(['bad packet', { heldBack: 3 }])
  })

  it('survives a log that throws', () => {
    const log = new LimitedLog(
      () => {
        throw new Error('disk full')
      },
      () => 0,
    )
    expect(() => log.write('error', 'x')).not.toThrow()
  })
})

describe('the stream budget', () => {
  it('is given out up to its end and comes back with each stream', () => {
    const budget = new StreamBudget(10)
    const one = { bytes: 0 }
    const other = { bytes: 0 }
    expect(budget.take(one, 6)).toBe(true)
    expect(budget.take(other, 4)).toBe(true)
    expect(budget.take(other, 1)).toBe(false)
    budget.release(one)
    budget.release(one)
    expect(budget.heldBytes).toBe(4)
    expect(budget.take(other, 6)).toBe(true)
  })
})

describe('Serf presence', () => {
  it('leaves with a Lamport time above all that it has seen', () => {
    const presence = new SerfPresence()
    presence.observeUser(encodeJoinIntent('x', 41n))
    presence.observeUser(encodeJoinIntent('x', 7n))
    presence.observeUser(Uint8Array.of(9, 9))
    expect(decodeSerfIntent(presence.leaveIntent('us'))).toEqual({
      type: 'leave',
      lTime: 42n,
      node: 'us',
    })
    expect(decodeSerfIntent(presence.leaveIntent('us'))?.lTime).toBe(43n)
  })

  it('does not believe a Lamport time that leaves none to go on with', () => {
    const presence = new SerfPresence()
    presence.observeUser(encodeJoinIntent('x', (1n << 62n) - 1n))
    presence.observeUser(encodeJoinIntent('x', 1n << 62n))
    expect(presence.lTime).toBe((1n << 62n) - 1n)
  })
})

describe('user frames', () => {
  it('carry our bytes and tell others apart', () => {
    expect(unframeUser(frameUser(Uint8Array.of(1, 2)))).toEqual(Uint8Array.of(1, 2))
    expect(unframeUser(frameUser(new Uint8Array(0)))).toHaveLength(0)
    expect(unframeUser(new Uint8Array(0))).toBeUndefined()
    expect(unframeUser(encodeJoinIntent('x', 1n))).toBeUndefined()
  })
})

describe('a pause', () => {
  it('is over in full, or cut short by a signal', async () => {
    expect(await pause(1, [undefined])).toBe(true)
    expect(await pause(60_000, [AbortSignal.abort()])).toBe(false)
    const controller = new AbortController()
    const waiting = pause(60_000, [controller.signal])
    controller.abort()
    expect(await waiting).toBe(false)
  })
})

describe('nonces', () => {
  it('differ, beyond the pool that they are drawn from', () => {
    const next = createNonceSource()
    const seen = new Set(Array.from({ length: 600 }, () => Buffer.from(next()).toString('hex')))
    expect(seen.size).toBe(600)
  })

  it('AES-GCM opens only what was sealed with the same key, nonce and label', () => {
    const key = new Uint8Array(32)
    const nonce = new Uint8Array(12)
    const none = new Uint8Array(0)
    const sealed = aesGcm.seal(key, nonce, Uint8Array.of(1, 2, 3), none)
    expect([...(aesGcm.open(key, nonce, sealed, none) ?? [])]).toEqual([1, 2, 3])
    expect(aesGcm.open(key, nonce, sealed, Uint8Array.of(1))).toBeUndefined()
    expect(aesGcm.open(new Uint8Array(16), nonce, sealed, none)).toBeUndefined()
  })
})
