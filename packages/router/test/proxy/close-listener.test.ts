import type { ServerResponse } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { describe, expect, test } from 'vitest'
import { makeAuthority } from '../testing/authority.ts'
import { startStaticRouter } from '../testing/fixture.ts'
import { startApp, startHttpRouter } from '../testing/http-fixture.ts'

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`

/** An application that holds what `/held` asks for until it is released. */
async function startHolding() {
  const held: ServerResponse[] = []
  let arrived = () => {}
  const asked = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const port = await startApp((request, response) => {
    if (request.url === '/held') {
      held.push(response)
      arrived()
    } else if (request.url === '/begun') {
      response.write('begun')
      held.push(response)
    } else response.end(`answer to ${request.url}`)
  })
  const release = () => {
    for (const response of held.splice(0)) response.end('done')
  }
  return { port, asked, release }
}

describe('a listener that closes', () => {
  test('answers what is in flight, and what was sent before its clients could know', async () => {
    const app = await startHolding()
    const { client, listener } = await startHttpRouter([app.port])
    const inFlight = client().send(get('/held'))
    const begun = client().send(get('/begun'))
    const idle = client().send(get('/1'))
    const silent = client().send(get('/2'))
    await Promise.all([app.asked, begun.until('begun'), idle.until('/1'), silent.until('/2')])

    const closed = listener.close({ drainTimeoutMs: 5_000 })
    expect(await idle.send(get('/late')).closed()).toMatch(
      /Connection: close[\s\S]*answer to \/late$/i,
    )
    expect(await silent.closed()).not.toContain('close')
    app.release()
    expect(await inFlight.closed()).toMatch(/Connection: close[\s\S]*done/i)
    // Its head left before: it gets the end of the response, then that of the connection.
    expect(await begun.closed()).toMatch(/begun[\s\S]*done\r\n0\r\n\r\n$/)
    await closed
    await expect(client().closed()).resolves.toBe('')
  })

  test('answers requests that were pipelined', async () => {
    const app = await startHolding()
    const { client, listener } = await startHttpRouter([app.port])
    const one = client().send(get('/held') + get('/second') + get('/third'))
    await app.asked
    const closed = listener.close()
    app.release()
    // The first response that leaves now ends the connection, and says so.
    expect(await one.closed()).toMatch(/^HTTP\/1.1 200[\s\S]*Connection: close[\s\S]*done/i)
    await closed
  })

  test('ends what takes longer than drainTimeoutMs', async () => {
    const app = await startHolding()
    const { client, listener } = await startHttpRouter([app.port])
    const begun = client().send(get('/begun'))
    await begun.until('begun')
    await listener.close({ drainTimeoutMs: 50 })
    expect(await begun.closed()).not.toContain('done')
  })

  test('tells clients of HTTP/2, which know by it that later streams were not processed', async () => {
    const authority = makeAuthority()
    const app = await startHolding()
    const { listener } = await startHttpRouter([app.port], {
      listener: { tls: { certificates: [authority.sign('a.example')] } },
    })
    const session = connectHttp2(`https://127.0.0.1:${listener.port}`, {
      ca: authority.ca,
      servername: 'a.example',
    })
    const answer = (path: string) =>
      new Promise<string>((resolve, reject) => {
        let text = ''
        session
          .request({ ':path': path, ':authority': 'a.example' })
          .setEncoding('utf8')
          .on('data', (piece: string) => {
            text += piece
          })
          .on('end', () => resolve(text))
          .on('error', reject)
      })
    const told = new Promise((resolve) => session.once('goaway', resolve))
    const held = answer('/held')
    await app.asked
    const closed = listener.close()
    // Sent in this turn, before the word of the router can have come.
    await expect(answer('/late')).rejects.toThrow('REFUSED_STREAM')
    expect(await told).toBe(0)
    app.release()
    expect(await held).toBe('done')
    await closed
  })

  test('flushes the replies of Redis commands in flight', async () => {
    const waiting: (() => void)[] = []
    let arrived = () => {}
    const asked = new Promise<void>((resolve) => {
      arrived = resolve
    })
    const { client, listener } = await startStaticRouter([
      (words, socket) => {
        waiting.push(() => socket.write(`+${words[1]}\r\n`))
        if (waiting.length === 3) arrived()
        return undefined
      },
    ])
    const redis = client()
    redis.send(['GET', 'a'], ['GET', 'b'], ['GET', 'c'])
    await asked
    const closed = listener.close()
    for (const answer of waiting) answer()
    expect(await redis.replies(3)).toEqual(['+a\r\n', '+b\r\n', '+c\r\n'])
    await closed
  })
})
