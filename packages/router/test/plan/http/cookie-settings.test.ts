import { describe, expect, it } from 'vitest'
import {
  COOKIE_SETTINGS,
  cookieFault,
  formatSetCookie,
} from '../../../src/plan/http/cookie-settings.ts'

describe('the settings of a cookie', () => {
  it('are written as attributes', () => {
    expect(formatSetCookie(COOKIE_SETTINGS, 'v', false)).toBe(
      'ringway=v; Path=/; HttpOnly; SameSite=Lax',
    )
    expect(formatSetCookie(COOKIE_SETTINGS, 'v', true)).toBe(
      'ringway=v; Path=/; HttpOnly; Secure; SameSite=Lax',
    )
    const settings = {
      name: 'rw',
      secure: true,
      httpOnly: false,
      sameSite: 'none',
      path: '/app',
      domain: 'example.org',
      maxAgeSeconds: 60,
    } as const
    expect(formatSetCookie(settings, 'v', false)).toBe(
      'rw=v; Path=/app; Domain=example.org; Max-Age=60; Secure; SameSite=None',
    )
  })

  it('are refused where a browser would refuse the cookie, or a header would break', () => {
    const fault = (more: object) => cookieFault({ ...COOKIE_SETTINGS, ...more })
    expect(fault({})).toBeUndefined()
    expect(fault({ name: 'a=b' })).toMatch(/^name/)
    expect(fault({ name: 'a'.repeat(128) })).toBeUndefined()
    expect(fault({ name: 'a'.repeat(129) })).toMatch(/^name/)
    expect(fault({ path: 'app' })).toMatch(/^path/)
    expect(fault({ path: '/a;b' })).toMatch(/^path/)
    expect(fault({ path: '/a\r\nb' })).toMatch(/^path/)
    expect(fault({ domain: 'exa mple' })).toMatch(/^domain/)
    expect(fault({ maxAgeSeconds: 0 })).toMatch(/^maxAge/)
    expect(fault({ sameSite: 'none', secure: false })).toMatch(/^sameSite/)
    expect(fault({ name: '__Host-x', domain: 'a.b' })).toMatch(/^name/)
    expect(fault({ name: '__Host-x', secure: true })).toBeUndefined()
    expect(fault({ name: '__Secure-x', secure: false })).toMatch(/^name/)
  })
})
