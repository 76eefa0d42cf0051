import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  ENGINE_IO_BYTES_MAX,
  learnFromEngineIo,
  learnFromHead,
  type SessionIdPlace,
  sessionIdPlace,
} from '../../../src/plan/http/learned-session.ts'
import { parseSessionSource } from '../../../src/plan/http/session-source.ts'
import { responseView } from '../../testing/http-head.ts'

const SID: readonly SessionIdPlace[] = [{ type: 'set-cookie', name: 'sid' }]
const learn = (...headers: readonly (readonly [string, string])[]) =>
  learnFromHead(responseView(headers), SID)

describe('what a response teaches', () => {
  it('is the cookie that it sets, as the client will send it', () => {
    expect(learn(['Set-Cookie', 'sid=s%3Aabc.def; Path=/; HttpOnly'])).toBe('s%3Aabc.def')
    expect(learn(['set-cookie', 'sid="q"'])).toBe('q')
    expect(learn(['set-cookie', 'a=1'], ['set-cookie', 'sid=1'], ['set-cookie', 'sid=2'])).toBe('2')
  })

  it('is nothing when the cookie is another one, or is taken away', () => {
    expect(learn(['set-cookie', 'sid2=1'])).toBeUndefined()
    expect(learn(['set-cookie', 'sid=; Max-Age=0'])).toBeUndefined()
    expect(learn(['x-set-cookie', 'sid=1'])).toBeUndefined()
    expect(learn()).toBeUndefined()
  })

  it('is a header, where requests carry it in one', () => {
    const place: SessionIdPlace = { type: 'header', name: 'mcp-session-id' }
    expect(learnFromHead(responseView([['Mcp-Session-Id', '42']]), [place])).toBe('42')
  })

  it('is looked for where the source of the key says', () => {
    const place = (text: string) => {
      const source = parseSessionSource(text)
      return source && sessionIdPlace(source)
    }
    expect(place('cookie:sid')).toEqual({ type: 'set-cookie', name: 'sid' })
    expect(place('header:x-session')).toEqual({ type: 'header', name: 'x-session' })
    expect(place('query:sid')).toEqual({ type: 'engine.io' })
    expect(place('query:room')).toBeUndefined()
    expect(place('ip')).toBeUndefined()
  })

  it('is the sid of Engine.IO’s handshake', () => {
    const body = (text: string) => learnFromEngineIo(Buffer.from(text))
    expect(body('0{"sid":"lv_VI97HAXpY6yYWAAAB","upgrades":["websocket"]}')).toBe(
      'lv_VI97HAXpY6yYWAAAB',
    )
    expect(body('97:0{"sid":"abc","upgrades":[]}2:40')).toBe('abc')
    expect(body('40{"sid":"abc"}')).toBeUndefined()
    expect(body('0{"sid":""}')).toBeUndefined()
    expect(body(`${' '.repeat(ENGINE_IO_BYTES_MAX)}0{"sid":"abc"}`)).toBeUndefined()
  })

  it('is text or nothing, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        learnFromEngineIo(bytes)
        const value = Buffer.from(bytes).toString('latin1')
        const id = learn(['set-cookie', value])
        expect(id === undefined || value.includes(id)).toBe(true)
      }),
    )
  })
})
