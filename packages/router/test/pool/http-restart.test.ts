import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { eventually } from '../../../../test/support/eventually.ts'
import { onCleanup } from '../testing/fixture.ts'
import { startHttpRouter, startRawServer } from '../testing/http-fixture.ts'

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
