import { createServer, type Server } from 'node:net'
import { describe, expect, it } from 'vitest'
import { HealthChecker } from '../../src/pool/health-checker.ts'
import { HttpCheck, type HttpCheckOptions } from '../../src/pool/http-check.ts'
import type { LostCause } from '../../src/pool/lost-cause.ts'
import { onCleanup } from '../testing/fixture.ts'

/** A server that says `answer` to every connection that sent something; undefined says nothing. */
async function answering(answer: string | undefined): Promise<number> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (request) => {
      if (answer !== undefined) socket.write(answer.replace('$REQUEST', String(request)))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanup(() => {
    server.close()
  })
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}

const check = (port: number, more: Partial<HttpCheckOptions> = {}) =>
  new Promise<LostCause | undefined>((resolve) => {
    new HttpCheck({
      host: '127.0.0.1',
      port,
      type: 'http',
      timeoutMs: 2_000,
      done: resolve,
      ...more,
    })
  })

describe('one check', () => {
  it('passes on 2xx and 3xx, or on what it is told', async () => {
    const ok = await answering('HTTP/1.1 204 No Content\r\n\r\n')
    expect(await check(ok)).toBeUndefined()
    expect(await check(await answering('HTTP/1.0 302 Found\r\n\r\n'))).toBeUndefined()
    expect(await check(ok, { statusMin: 200, statusMax: 200 })).toEqual({
      code: 'BAD_REPLY',
      text: 'answered a health check of / with 204',
    })
    const failing = await answering('HTTP/1.1 503 Service Unavailable\r\n\r\n')
    expect(await check(failing, { path: '/healthz' })).toEqual({
      code: 'BAD_REPLY',
      text: 'answered a health check of /healthz with 503',
    })
    expect(await check(failing, { type: 'tcp' })).toBeUndefined()
  })

  it('says why it failed', async () => {
    const codeOf = async (port: number, timeoutMs = 2_000) =>
      (await check(port, { timeoutMs }))?.code
    expect(await codeOf(await answering('-ERR not HTTP\r\n'))).toBe('BAD_REPLY')
    expect(await codeOf(await answering('x'.repeat(1_024)))).toBe('BAD_REPLY')
    expect(await codeOf(await answering(undefined), 50)).toBe('REPLY_TIMEOUT')
    expect(await codeOf(1)).toBe('REFUSED')
  })
})

describe('a checker', () => {
  it('turns down after fall failures and up after rise passes', async () => {
    const results = [true, false, false, true, true, true]
    const turns: string[] = []
    let left = results.length
    await new Promise<void>((resolve) => {
      const checker = new HealthChecker({
        intervalMs: 1,
        rise: 2,
        fall: 2,
        random: () => 0.5,
        check: (done) => {
          const passed = results[results.length - left--]
          if (left < 0) resolve()
          else setImmediate(done, passed ? undefined : { code: 'REFUSED', text: 'refused' })
          return { cancel: () => {} }
        },
        turned: (up, cause) => turns.push(`${up ? 'up' : 'down'} ${cause?.code ?? '-'}`),
      })
      onCleanup(() => checker.close())
    })
    expect(turns).toEqual(['down REFUSED', 'up -'])
  })

  it('is silent once it is closed', async () => {
    let finish: ((cause: LostCause | undefined) => void) | undefined
    let cancelled = false
    const begun = new Promise<void>((resolve) => {
      const checker = new HealthChecker({
        intervalMs: 1,
        rise: 1,
        fall: 1,
        random: () => 0,
        check: (done) => {
          finish = done
          setImmediate(() => {
            checker.close()
            resolve()
          })
          return {
            cancel: () => {
              cancelled = true
            },
          }
        },
        turned: () => expect.unreachable(),
      })
    })
    await begun
    finish?.({ code: 'REFUSED', text: 'refused' })
    expect(cancelled).toBe(true)
  })
})
