import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { onCleanup } from '../testing/fixture.ts'
import { httpPool, startHttpRouter, startRawServer } from '../testing/http-fixture.ts'
import { backendAt, topologyMessage } from '../testing/topologies.ts'

const CLIENTS = 16
/** Longer than the test: whoever is ejected does not return by waiting. */
const EJECT_MS = 60_000
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

/** A process that can be killed and started again on its port. */
class Process {
  port = 0
  readonly #answer: string
  #server: Server | undefined
  #sockets: Socket[] = []

  constructor(answer: string) {
    this.#answer = answer
    onCleanup(() => this.kill())
  }

  async start(): Promise<this> {
    const server = createServer((socket) => {
      this.#sockets.push(socket)
      socket.on('error', () => {})
      socket.on('data', () => socket.write(this.#answer))
    })
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve))
    this.port = (server.address() as AddressInfo).port
    this.#server = server
    return this
  }

  kill(): void {
    this.#server?.close()
    for (const socket of this.#sockets.splice(0)) socket.resetAndDestroy()
  }
}

test('a process that ended amid its responses is not blamed for them when it is started anew', async () => {
  const half = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\none'
  const one = await new Process(half).start()
  const two = await startRawServer((socket) => {
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo'))
  })
  const { client, events } = await startHttpRouter([one.port, two], {
    listener: { routes: [{ pool: 'app', key: [] }] },
    pool: { balance: 'round-robin', outliers: { ejectMsMin: EJECT_MS } },
  })
  const clients = Array.from({ length: CLIENTS }, () => client().send(GET))
  await Promise.all(clients.map((each) => each.until(/one|two/)))
  one.kill()
  const cut = clients.filter(({ text }) => text.includes('one'))
  await Promise.all(cut.map((each) => each.closed()))
  expect(cut.length).toBeGreaterThanOrEqual(5)
  const seen = (type: string) => events.some((event) => event.type === type)
  expect(seen('backend-ejected')).toBe(true)
  // Nobody asks an ejected backend: it was asked because its responses broke off.
  await eventually('it is avoided', () => seen('backend-avoided'))
  expect(
    await client()
      .send(GET)
      .until(/one|two/),
  ).toContain('two')

  await one.start()
  await eventually('it serves again', async () =>
    (
      await client()
        .send(GET)
        .until(/one|two/)
    ).includes('one'),
  )
})

/** A server of Node.js, which `close` ends when its last connection has ended. */
async function startClosing() {
  const waiting: (() => void)[] = []
  const server = createHttpServer({ keepAliveTimeout: 0 }, (request, response) => {
    const answer = () => response.end('one')
    if (request.url === '/slow') waiting.push(answer)
    else answer()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanup(() => server.closeAllConnections())
  const { port } = server.address() as AddressInfo
  return {
    port,
    waiting,
    close: () => new Promise((resolve) => server.close(resolve)),
  }
}

test('a server that finishes its requests is not held back by connections that are kept for more', async () => {
  const one = await startClosing()
  // The clock stands still: nothing ends because it was idle for long.
  const start = performance.now()
  const { client, events } = await startHttpRouter([one.port], { now: () => start })
  const slow = GET.replace('/', '/slow')
  const clients = Array.from({ length: CLIENTS }, () => client().send(slow))
  await eventually('all of them are there', () => one.waiting.length === CLIENTS)
  await client().send(GET).until('one')
  // It closes the connection that is idle, and waits for the others, which it would keep for ever.
  const closed = one.close()
  await eventually('it is avoided', () => events.some(({ type }) => type === 'backend-avoided'))
  for (const answer of one.waiting) answer()
  await Promise.all(clients.map((each) => each.until('one')))
  await closed
})

test('a drained server is left by idle connections soon, by those of bound sessions too', async () => {
  const one = await startClosing()
  const { client, router } = await startHttpRouter([one.port])
  await client().send(GET).until('one')
  router.post(topologyMessage(2, httpPool([backendAt(one.port, 'draining')])))
  const open = () => router.counters().pools['app']?.backends[`127.0.0.1:${one.port}`]?.connections
  expect(open()).toBe(1)
  const since = performance.now()
  await eventually('it is left', () => open() === 0)
  expect(performance.now() - since).toBeLessThan(3_000)
})
