import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HttpRequestView } from '../../../src/plan/http/http-request-view.ts'
import { SESSION_KEY_BYTES_MAX, SessionKey } from '../../../src/plan/http/session-key.ts'
import { SESSION_PRESETS } from '../../../src/plan/http/session-presets.ts'
import {
  formatSessionSource,
  parseSessionSource,
  type SessionSource,
} from '../../../src/plan/http/session-source.ts'
import { requestView } from '../../testing/http-head.ts'

function sources(...texts: readonly string[]): readonly SessionSource[] {
  return texts.map((text) => {
    const source = parseSessionSource(text)
    if (!source) throw new Error(`${text} is no source`)
    return source
  })
}

function keyOf(request: HttpRequestView, ...texts: readonly string[]): string | undefined {
  const key = new SessionKey(sources(...texts))
  if (!key.find(request)) return undefined
  return Buffer.from(key.bytes.subarray(key.from, key.to)).toString('latin1')
}

const cookies = (...values: readonly string[]) =>
  requestView(
    '/',
    values.map((value) => ['Cookie', value] as const),
  )

describe('the session key of a request', () => {
  it('is a cookie', () => {
    expect(keyOf(cookies('a=1; sid=s%3Ax.y; b=2'), 'cookie:sid')).toBe('s%3Ax.y')
    expect(keyOf(cookies('a=1', 'sid=in-a-second-header'), 'cookie:sid')).toBe('in-a-second-header')
    expect(keyOf(cookies('sid=first; sid=second'), 'cookie:sid')).toBe('first')
    expect(keyOf(cookies('sid="quoted"'), 'cookie:sid')).toBe('quoted')
    expect(keyOf(cookies('sid=a=b'), 'cookie:sid')).toBe('a=b')
    expect(keyOf(cookies(' \t sid =x ;;; '), 'cookie:sid')).toBe('x')
  })

  it('is not a cookie of a similar name, nor one without a value', () => {
    for (const value of ['xsid=1', 'sid2=1', 'SID=1', 'sid', 'sid=', 'sid=""', '; ; ', '=sid'])
      expect(keyOf(cookies(value), 'cookie:sid')).toBeUndefined()
  })

  it('is a header, whatever the case of its name', () => {
    expect(keyOf(requestView('/', [['X-USER', 'ann']]), 'header:x-user')).toBe('ann')
    expect(keyOf(requestView('/', [['X-Users', 'ann']]), 'header:x-user')).toBeUndefined()
  })

  it('is a parameter of the query', () => {
    expect(keyOf(requestView('/socket.io/?EIO=4&sid=abc&t=1'), 'query:sid')).toBe('abc')
    expect(keyOf(requestView('/sid=no?x=1?sid=2&sid=3'), 'query:sid')).toBe('3')
    expect(keyOf(requestView('/?sid&sid='), 'query:sid')).toBeUndefined()
    expect(keyOf(requestView('/sid=1'), 'query:sid')).toBeUndefined()
  })

  it('is a part of the path', () => {
    const room = 'path:/rooms/:id'
    expect(keyOf(requestView('/rooms/7'), room)).toBe('7')
    expect(keyOf(requestView('/rooms/7/messages?x=/rooms/8'), room)).toBe('7')
    expect(keyOf(requestView('/rooms/7?x'), room)).toBe('7')
    for (const target of ['/rooms', '/rooms/', '/rooms//x', '/room/7', '/x/rooms/7', '*'])
      expect(keyOf(requestView(target), room)).toBeUndefined()
    expect(keyOf(requestView('/a/b/c?d'), 'path:/:doc+')).toBe('a/b/c')
    expect(keyOf(requestView('/api/v2/teams/1/users/2'), 'path:/api/*/teams/:t/users/:u')).toBe(
      '1/users/2',
    )
  })

  it('is the host, however it is written', () => {
    for (const host of ['App.Example', 'app.example:8080', 'APP.EXAMPLE'])
      expect(keyOf(requestView('/', [], { host }), 'host')).toBe('app.example')
    expect(keyOf(requestView('/', [], { host: '[2001:DB8::1]:80' }), 'host')).toBe('[2001:db8::1]')
    expect(keyOf(requestView('/', [], { host: '' }), 'host')).toBeUndefined()
    expect(keyOf(requestView('/', [], { host: 'x'.repeat(513) }), 'host')).toBeUndefined()
  })

  it('is the address of the client', () => {
    expect(keyOf(requestView('/'), 'ip')).toBe('10.1.2.3')
  })

  it('comes from the first source that has one', () => {
    const order = ['cookie:sid', 'header:x-user', 'path:/rooms/:id', 'ip']
    expect(keyOf(requestView('/rooms/7', [['x-user', 'ann']]), ...order)).toBe('ann')
    expect(keyOf(requestView('/rooms/7'), ...order)).toBe('7')
    expect(keyOf(requestView('/'), ...order)).toBe('10.1.2.3')
    expect(keyOf(requestView('/'), 'cookie:sid')).toBeUndefined()
  })

  it('is looked for behind one that was found already', () => {
    const key = new SessionKey(sources('cookie:sid', 'ip'))
    const request = cookies('sid=x')
    expect(key.find(request)).toBe(true)
    expect(key.source).toBe(0)
    expect(key.find(request, key.source + 1)).toBe(true)
    expect(key.source).toBe(1)
    expect(key.find(request, 2)).toBe(false)
  })

  it('may have 4,096 bytes and not one more', () => {
    const long = 'k'.repeat(SESSION_KEY_BYTES_MAX)
    expect(keyOf(cookies(`sid=${long}`), 'cookie:sid')).toBe(long)
    expect(keyOf(cookies(`sid=${long}k`), 'cookie:sid', 'ip')).toBe('10.1.2.3')
  })

  it('is found or not, and never beyond the head, whatever the bytes are', () => {
    const text = fc.string({ unit: fc.constantFrom(...'s;="=&?/: id\t\x00\xff'), maxLength: 40 })
    fc.assert(
      fc.property(text, text, text, (target, cookie, host) => {
        const request = requestView(target, [['cookie', cookie]], { host })
        const all = ['cookie:s', 'query:s', 'path:/:a/:b+', 'host', 'ip']
        const key = new SessionKey(sources(...all))
        for (let first = 0; first < all.length; first++) {
          if (!key.find(request, first)) continue
          expect(key.from).toBeGreaterThanOrEqual(0)
          expect(key.to).toBeGreaterThan(key.from)
          expect(key.to).toBeLessThanOrEqual(key.bytes.length)
        }
      }),
    )
  })
})

describe('a source of session keys', () => {
  it('is written as it is read', () => {
    for (const text of ['cookie:sid', 'header:x-user', 'query:s', 'path:/a/:b', 'host', 'ip'])
      expect(sources(text).map(formatSessionSource)).toEqual([text])
  })

  it('is refused when it is none', () => {
    for (const text of [
      '',
      'cookie',
      'cookie:',
      'cookie:a b',
      'header:x:y',
      'query:a=b',
      'path:rooms/:id',
      'path:/rooms',
      'path:/rooms//:id',
      'path:/:a+/b',
      'path:/a?b/:c',
      'ip:1',
      'body:x',
    ])
      expect(parseSessionSource(text), text).toBeUndefined()
  })

  it('is known in every preset', () => {
    for (const { key } of Object.values(SESSION_PRESETS)) expect(sources(...key)).toBeDefined()
  })

  it('finds the sessions of Socket.IO, Yjs, Hocuspocus and Express', () => {
    const preset = (name: keyof typeof SESSION_PRESETS, request: HttpRequestView) =>
      keyOf(request, ...SESSION_PRESETS[name].key)
    expect(preset('socket.io', requestView('/socket.io/?EIO=4&transport=polling&sid=Nt3'))).toBe(
      'Nt3',
    )
    expect(preset('yjs', requestView('/my-room?token=1'))).toBe('my-room')
    expect(preset('hocuspocus', requestView('/?document=a'))).toBe('a')
    expect(preset('express-session', cookies('connect.sid=s%3A1.2'))).toBe('s%3A1.2')
    expect(preset('express-session', requestView('/'))).toBe('10.1.2.3')
  })
})
