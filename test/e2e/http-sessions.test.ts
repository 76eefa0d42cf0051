import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import express from 'express'
import session from 'express-session'
import { afterEach, expect, test } from 'vitest'
import { freePorts } from '../support/ports.ts'
import { type NodeProcess, nodePorts, startNode, stopCluster } from '../support/ringway.ts'

const SECRET = 'a secret of the test that is long enough'
const LOGINS = 100

declare module 'express-session' {
  interface SessionData {
    user: string
  }
}

const apps: Server[] = []
let nodes: NodeProcess[] = []
let folder = ''
afterEach(async () => {
  for (const app of apps.splice(0)) stop(app)
  await stopCluster(nodes)
  nodes = []
  await rm(folder, { recursive: true, force: true })
})

function stop(app: Server): void {
  app.closeAllConnections()
  app.close()
}

/** An application that keeps its sessions in its own memory. */
async function startApp(): Promise<{ readonly server: Server; readonly port: number }> {
  const app = express()
  app.use(session({ secret: 'app', resave: false, saveUninitialized: false }))
  app.get('/login/:user', (request, response) => {
    request.session.user = request.params.user
    response.send('welcome')
  })
  app.get('/me', (request, response) => {
    response.send(request.session.user ?? 'nobody')
  })
  const server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  apps.push(server)
  return { server, port: (server.address() as AddressInfo).port }
}

/** Two nodes with one HTTP listener each, in front of the applications. */
async function startRouters(backends: readonly number[], sticky: 'pinned' | 'learned') {
  folder = await mkdtemp(join(tmpdir(), 'ringway-sessions-'))
  const first = await nodePorts()
  const second = await nodePorts()
  const httpPorts = await freePorts(2)
  nodes = await Promise.all(
    [first, second].map(async (ports, at) => {
      const file = join(folder, `${at}.yml`)
      await writeFile(
        file,
        JSON.stringify({
          cookie: { secrets: [SECRET] },
          pools: {
            store: { protocol: 'store' },
            app: {
              protocol: 'http',
              backends: backends.map((port) => ({ url: `http://127.0.0.1:${port}` })),
            },
          },
          listeners: [
            { protocol: 'redis', bind: `127.0.0.1:${ports.redis}`, pool: 'store' },
            {
              protocol: 'http',
              bind: `127.0.0.1:${httpPorts[at]}`,
              routes: [{ pool: 'app', key: ['cookie:connect.sid'], sticky }],
            },
          ],
        }),
      )
      return startNode(`router-${at}`, ports, at === 0 ? [] : [first], ['--config', file])
    }),
  )
  await Promise.all(nodes.map(({ ready }) => ready))
  return httpPorts
}

/** A browser: keeps cookies. */
class Browser {
  readonly #cookies = new Map<string, string>()

  async get(port: number, path: string): Promise<string> {
    const cookie = Array.from(this.#cookies, ([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { cookie } })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      this.#cookies.set(name, value)
    }
    expect(response.status).toBe(200)
    return response.text()
  }
}

test.each(['pinned', 'learned'] as const)(
  '%s sessions of an unmodified Express application are found through either router, but those of a killed server',
  async (sticky) => {
    const servers = await Promise.all(Array.from({ length: 3 }, startApp))
    const [left = 0, right = 0] = await startRouters(
      servers.map(({ port }) => port),
      sticky,
    )
    const browsers = Array.from({ length: LOGINS }, () => new Browser())
    for (const [at, browser] of browsers.entries())
      expect(await browser.get(at % 2 === 0 ? left : right, `/login/user${at}`)).toBe('welcome')
    for (const [at, browser] of browsers.entries()) {
      expect(await browser.get(right, '/me')).toBe(`user${at}`)
      expect(await browser.get(left, '/me')).toBe(`user${at}`)
    }

    const [killed] = servers
    if (killed !== undefined) stop(killed.server)
    let lost = 0
    for (const [at, browser] of browsers.entries()) {
      const seen = [await browser.get(right, '/me'), await browser.get(left, '/me')]
      if (seen.every((user) => user === `user${at}`)) continue
      // A session is lost whole, with its server; it is never another's.
      expect(seen).toEqual(['nobody', 'nobody'])
      lost++
    }
    console.info(`${sticky}: ${lost} of ${LOGINS} sessions were those of the killed server`)
    expect(lost).toBeGreaterThan(0)
    expect(lost).toBeLessThan(LOGINS * 0.6)
  },
)
