import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import session from 'express-session'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { Browser, HttpClient, inParallel } from '../support/http-client.ts'
import { type HttpRouters, startHttpRouters } from '../support/http-routers.ts'
import { admin } from '../support/ringway.ts'

const LOGINS = 1_000
const AT_ONCE = 32

declare module 'express-session' {
  interface SessionData {
    user: string
  }
}

interface App {
  readonly port: number
  readonly id: string
  stop(): void
}

/** A login, where it was made, and what became of it. */
interface Login {
  readonly user: string
  readonly browser: Browser
  app: string
}

const apps: App[] = []
const client = new HttpClient()
let routers: HttpRouters | undefined
afterEach(async () => {
  for (const app of apps.splice(0)) app.stop()
  client.close()
  await routers?.stop()
})

/** An application that keeps its sessions in its own memory, and says in each response who it is. */
async function startApp(): Promise<App> {
  const app = express()
  app.use(session({ secret: 'app', resave: false, saveUninitialized: false }))
  app.use((_request, response, next) => {
    response.setHeader('X-App', id)
    next()
  })
  app.get('/login/:user', (request, response) => {
    request.session.user = request.params.user
    response.send('welcome')
  })
  app.get('/me', (request, response) => {
    response.send(request.session.user ?? 'nobody')
  })
  const server: Server = app.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  const id = `127.0.0.1:${port}`
  const started = {
    port,
    id,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
  apps.push(started)
  return started
}

async function logIn(ports: readonly number[], prefix: string, count: number): Promise<Login[]> {
  const logins = Array.from({ length: count }, (_, at) => ({
    user: `${prefix}${at}`,
    browser: new Browser(client),
    app: '',
  }))
  await inParallel(logins, AT_ONCE, async (login, at) => {
    const answer = await login.browser.get(ports[at % 2] ?? 0, `/login/${login.user}`)
    expect(answer.body).toBe('welcome')
    login.app = String(answer.headers['x-app'])
  })
  return logins
}

/** Every session is asked for through the other router; those that are not found, or elsewhere, are returned. */
async function lostOf(ports: readonly number[], logins: readonly Login[]): Promise<Login[]> {
  const lost: Login[] = []
  await inParallel(logins, AT_ONCE, async (login, at) => {
    const ask = () => login.browser.get(ports[(at + 1) % 2] ?? 0, '/me')
    // express-session writes the last byte of a response by itself: a server that dies before it cuts what it has begun.
    const answer = await ask().catch((error: Error) => {
      if (error.message !== 'aborted') throw error
      return ask()
    })
    expect(`${answer.status} ${answer.status === 200 ? '' : answer.body}`).toBe('200 ')
    // A session is lost whole; it is never another's.
    expect([login.user, 'nobody']).toContain(answer.body)
    if (answer.body !== login.user || answer.headers['x-app'] !== login.app) lost.push(login)
  })
  return lost
}

test('1,000 logins, pinned and learned, through two routers while backends join, drain and die: only those of the dead one are lost', async () => {
  const first = [await startApp(), await startApp()]
  const kinds = ['pinned', 'learned'] as const
  routers = await startHttpRouters(
    first.map(({ port }) => port),
    kinds.map((sticky) => [{ pool: 'app', key: ['cookie:connect.sid'], sticky }]),
  )
  const { ports, nodes } = routers
  const all = async (work: (kind: number) => Promise<void>) => {
    await Promise.all(kinds.map((_, kind) => work(kind)))
  }
  const logins: Login[][] = [[], []]
  await all(async (kind) => {
    logins[kind] = await logIn(ports[kind] ?? [], 'user', LOGINS)
  })

  const states = async () => {
    const seen = await Promise.all(
      nodes.map((node) =>
        admin<{ pools: { name: string; backends: { id: string; state: string }[] }[] }>(
          node,
          '/v1/pools',
        ),
      ),
    )
    return seen.map(
      ({ pools }) =>
        new Map(
          pools.find(({ name }) => name === 'app')?.backends.map(({ id, state }) => [id, state]),
        ),
    )
  }

  // Scale out from two to five while all sessions are asked for.
  const joined = [await startApp(), await startApp(), await startApp()]
  const lost = { out: 0, drained: 0 }
  const scaleOut = inParallel(joined, 1, async ({ port }) => {
    await routers?.change(0, 'POST', '', { url: `http://127.0.0.1:${port}` })
  })
  await all(async (kind) => {
    lost.out += (await lostOf(ports[kind] ?? [], logins[kind] ?? [])).length
  })
  await scaleOut
  await eventually('both routers know five', async () =>
    (await states()).every((seen) => seen.size === 5),
  )
  await all(async (kind) => {
    const more = await logIn(ports[kind] ?? [], 'late', LOGINS / 10)
    expect(more.some(({ app }) => joined.some(({ id }) => id === app))).toBe(true)
    logins[kind]?.push(...more)
  })

  // Drain one: its sessions stay, and no new ones come.
  const [drained, killed] = first as [App, App]
  const drain = routers.change(1, 'POST', `/${drained.id}/drain`)
  await all(async (kind) => {
    lost.drained += (await lostOf(ports[kind] ?? [], logins[kind] ?? [])).length
  })
  await drain
  await eventually('both routers drain it', async () =>
    (await states()).every((seen) => seen.get(drained.id) === 'draining'),
  )
  await all(async (kind) => {
    const more = await logIn(ports[kind] ?? [], 'later', LOGINS / 10)
    expect(more.some(({ app }) => app === drained.id)).toBe(false)
    logins[kind]?.push(...more)
  })
  expect(lost).toEqual({ out: 0, drained: 0 })

  // Kill the other one under load: every request is answered, and only its sessions are gone.
  const kill = new Promise<void>((resolve) =>
    setTimeout(() => {
      killed.stop()
      resolve()
    }, 100),
  )
  await all(async (kind) => {
    await lostOf(ports[kind] ?? [], logins[kind] ?? [])
  })
  await kill
  const figures = await Promise.all(
    kinds.map(async (sticky, kind) => {
      const gone = await lostOf(ports[kind] ?? [], logins[kind] ?? [])
      const theirs = (logins[kind] ?? []).filter(({ app }) => app === killed.id)
      expect(gone.every(({ app }) => app === killed.id)).toBe(true)
      expect(gone.length).toBe(theirs.length)
      return `${sticky}: ${logins[kind]?.length} sessions, ${gone.length} lost, all of the killed backend`
    }),
  )
  console.info(figures.join('\n'))
})
