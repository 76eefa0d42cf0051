import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeBase64Url, encodeBase64Url } from '../../../src/plan/http/base64url.ts'
import { planSticky } from '../../../src/plan/http/stickiness.ts'
import {
  STICKY_COOKIE_CHARACTERS,
  STICKY_KEYS_MAX,
  StickyCookies,
} from '../../../src/plan/http/sticky-cookie.ts'

const HOUR = 3_600_000
const NOW = 1_800_000_000_000
const mac = (key: Uint8Array, message: Uint8Array) =>
  createHmac('sha256', key).update(message).digest()
const secret = (byte: number) => new Uint8Array(32).fill(byte)

function cookies({
  pool = 'app',
  keys = [secret(1)],
  backends = ['10.0.0.1:80', '10.0.0.2:80'],
} = {}) {
  const sticky = new StickyCookies({ pool, maxAgeMs: HOUR, mac })
  sticky.setKeys(keys, NOW)
  sticky.setBackends(backends)
  return sticky
}

const bound = (backend: string, renew = false) => ({ type: 'bound', backend, renew })

describe('a sticky cookie', () => {
  it('names its backend to every router with the same key', () => {
    const value = cookies().issue('10.0.0.2:80', NOW) ?? ''
    expect(value).toHaveLength(STICKY_COOKIE_CHARACTERS)
    expect(value).toMatch(/^[A-Za-z0-9_-]+$/)
    expect(cookies().read(value, NOW)).toEqual(bound('10.0.0.2:80'))
  })

  it('says nothing about the address', () => {
    const value = cookies().issue('10.0.0.2:80', NOW) ?? ''
    expect(Buffer.from(value, 'base64url').toString('latin1')).not.toContain('10.0.0')
  })

  it('says that its backend is gone', () => {
    const value = cookies().issue('10.0.0.2:80', NOW) ?? ''
    expect(cookies({ backends: ['10.0.0.1:80'] }).read(value, NOW)).toEqual({ type: 'gone' })
  })

  it('is as good as none in another pool, or under another key', () => {
    const value = cookies().issue('10.0.0.2:80', NOW) ?? ''
    expect(cookies({ pool: 'other' }).read(value, NOW)).toEqual({ type: 'none' })
    expect(cookies({ keys: [secret(2)] }).read(value, NOW)).toEqual({ type: 'none' })
  })

  it('is as good as none when any character of it was changed', () => {
    const sticky = cookies()
    const value = sticky.issue('10.0.0.1:80', NOW) ?? ''
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    for (let i = 0; i < value.length; i++)
      for (const character of alphabet) {
        if (character === value[i]) continue
        const changed = value.slice(0, i) + character + value.slice(i + 1)
        expect(sticky.read(changed, NOW)).toEqual({ type: 'none' })
      }
  })

  it('is as good as none whatever else it is', () => {
    const sticky = cookies()
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (value) => {
        expect(sticky.read(value, NOW)).toEqual({ type: 'none' })
      }),
    )
  })

  it('is renewed from half of its age on, and old after it', () => {
    const sticky = cookies()
    const value = sticky.issue('10.0.0.1:80', NOW) ?? ''
    expect(sticky.read(value, NOW + HOUR / 2 - 1)).toEqual(bound('10.0.0.1:80'))
    expect(sticky.read(value, NOW + HOUR / 2)).toEqual(bound('10.0.0.1:80', true))
    expect(sticky.read(value, NOW + HOUR)).toEqual(bound('10.0.0.1:80', true))
    expect(sticky.read(value, NOW + HOUR + 1)).toEqual({ type: 'none' })
  })

  it('is believed for another time as soon as that is set, also one that was issued before', () => {
    const sticky = cookies()
    const value = sticky.issue('10.0.0.1:80', NOW) ?? ''
    sticky.setMaxAge(4_000)
    expect(sticky.read(value, NOW + 1_999)).toEqual(bound('10.0.0.1:80'))
    expect(sticky.read(value, NOW + 2_000)).toEqual(bound('10.0.0.1:80', true))
    expect(sticky.read(value, NOW + 4_000)).toEqual(bound('10.0.0.1:80', true))
    expect(sticky.read(value, NOW + 4_001)).toEqual({ type: 'none' })
    sticky.setMaxAge(HOUR)
    expect(sticky.read(value, NOW + 4_001)).toEqual(bound('10.0.0.1:80'))
  })

  it('is not taken from a clock far ahead', () => {
    const sticky = cookies()
    const value = sticky.issue('10.0.0.1:80', NOW + 300_000) ?? ''
    expect(sticky.read(value, NOW)).toEqual(bound('10.0.0.1:80'))
    expect(sticky.read(value, NOW - 1)).toEqual({ type: 'none' })
  })

  it('outlives the rotation of its key by its age, and is renewed', () => {
    const sticky = cookies()
    const value = sticky.issue('10.0.0.1:80', NOW + 1) ?? ''
    sticky.setKeys([secret(2)], NOW + 1)
    expect(sticky.read(value, NOW + HOUR)).toEqual(bound('10.0.0.1:80', true))
    expect(sticky.read(value, NOW + HOUR + 1)).toEqual({ type: 'none' })
    expect(sticky.read(sticky.issue('10.0.0.1:80', NOW + 2) ?? '', NOW + 2)).toEqual(
      bound('10.0.0.1:80'),
    )
  })

  it('keeps a bounded number of old keys, the newest ones', () => {
    const sticky = cookies({ keys: [secret(0)] })
    const first = sticky.issue('10.0.0.1:80', NOW) ?? ''
    for (let i = 1; i < STICKY_KEYS_MAX; i++) sticky.setKeys([secret(i)], NOW)
    expect(sticky.read(first, NOW)).toEqual(bound('10.0.0.1:80', true))
    sticky.setKeys([secret(99)], NOW)
    expect(sticky.read(first, NOW)).toEqual({ type: 'none' })
  })

  it('is not issued without a key, nor for a backend that is not in the pool', () => {
    const sticky = cookies({ keys: [] })
    expect(sticky.canIssue).toBe(false)
    expect(sticky.issue('10.0.0.1:80', NOW)).toBeUndefined()
    expect(cookies().issue('10.0.0.9:80', NOW)).toBeUndefined()
  })
})

describe('base64 of URLs', () => {
  it('agrees with Node’s, and takes the canonical form only', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const text = encodeBase64Url(bytes)
        expect(text).toBe(Buffer.from(bytes).toString('base64url'))
        expect(decodeBase64Url(text, bytes.length)).toEqual(bytes)
      }),
    )
    expect(decodeBase64Url('AB', 1)).toBeUndefined()
    expect(decodeBase64Url('AA=', 1)).toBeUndefined()
    expect(decodeBase64Url('A\u0141', 1)).toBeUndefined()
  })
})

describe('the plan for a session', () => {
  it('stays while its backend lives, drained or not, and is placed anew when that is out or gone', () => {
    const binding = { type: 'bound', backend: 'b', renew: true } as const
    expect(planSticky(binding, 'up')).toEqual({ type: 'stay', backend: 'b', renew: true })
    expect(planSticky(binding, 'draining')).toEqual({ type: 'stay', backend: 'b', renew: true })
    expect(planSticky(binding, 'out')).toEqual({ type: 'place' })
    expect(planSticky(binding, undefined)).toEqual({ type: 'place' })
    expect(planSticky({ type: 'gone' }, undefined)).toEqual({ type: 'place' })
    expect(planSticky({ type: 'none' }, undefined)).toEqual({ type: 'place' })
  })
})
