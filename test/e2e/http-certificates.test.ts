import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { Agent, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import {
  makeAuthority,
  type TestCertificate,
} from '../../packages/router/test/testing/authority.ts'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/ports.ts'
import { type NodeProcess, nodePorts, startNode, stopCluster } from '../support/ringway.ts'

const CLIENTS = 3
const PHASE_REQUESTS = 60
const NAME = 'app.example'

let app: Server | undefined
let node: NodeProcess | undefined
let folder = ''
const ends: (() => void)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) end()
  app?.closeAllConnections()
  app?.close()
  if (node) await stopCluster([node])
  await rm(folder, { recursive: true, force: true })
})

/** Asks again and again, in turn on a kept connection and on a new one, until it is stopped. */
class TlsLoad {
  answered = 0
  readonly failures: string[] = []
  readonly #workers: Promise<void>[]
  #stopping = false

  constructor(asks: readonly (() => Promise<number>)[]) {
    this.#workers = asks.map((ask) => this.#work(ask))
  }

  async more(count: number): Promise<void> {
    const wanted = this.answered + count
    await eventually(`${count} more answers`, () => this.answered >= wanted)
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.#workers)
  }

  async #work(ask: () => Promise<number>): Promise<void> {
    while (!this.#stopping) {
      try {
        const status = await ask()
        if (status !== 200) this.failures.push(String(status))
        this.answered++
      } catch (error) {
        this.failures.push(String(error))
      }
    }
  }
}

function overHttp1(port: number, ca: string, keepAlive: boolean): () => Promise<number> {
  const agent = new Agent({ keepAlive, maxSockets: 1, ca, servername: NAME })
  ends.push(() => agent.destroy())
  return () =>
    new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, agent, timeout: 15_000 }, (response) =>
        response.resume().on('end', () => resolve(response.statusCode ?? 0)),
      )
      asked.on('timeout', () => asked.destroy(new Error('timeout')))
      asked.on('error', reject).end()
    })
}

function openHttp2(port: number, ca: string): ClientHttp2Session {
  const session = connectHttp2(`https://127.0.0.1:${port}`, { ca, servername: NAME })
  session.on('error', () => {})
  ends.push(() => session.destroy())
  return session
}

function overHttp2(port: number, ca: string, keepAlive: boolean): () => Promise<number> {
  const kept = keepAlive ? openHttp2(port, ca) : undefined
  return () =>
    new Promise((resolve, reject) => {
      const session = kept ?? openHttp2(port, ca)
      const stream = session.request({ ':path': '/', ':authority': NAME })
      let status = 0
      stream.on('response', (headers) => {
        status = headers[':status'] ?? 0
      })
      stream.on('error', reject).on('end', () => {
        if (kept === undefined) session.close()
        resolve(status)
      })
      stream.resume().end()
    })
}

/** The serial number of the certificate that a new connection sees. */
function serialSeen(port: number, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port, ca, servername: NAME }, () => {
      resolve(socket.getPeerCertificate().serialNumber)
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

test('certificates are rotated by SIGHUP under load over HTTP/1.1 and HTTP/2: no request fails, a broken file changes nothing', async () => {
  folder = await mkdtemp(join(tmpdir(), 'ringway-certificates-'))
  const server = createServer((_, response) => response.end('hello'))
  app = server
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const backend = (server.address() as AddressInfo).port
  const authority = makeAuthority()
  const [cert, key, config] = ['cert.pem', 'key.pem', 'ringway.yml'].map((name) =>
    join(folder, name),
  ) as [string, string, string]
  const install = async (certificate: TestCertificate) => {
    await writeFile(cert, certificate.cert)
    await writeFile(key, certificate.key)
  }
  await install(authority.sign(NAME))
  const [port = 0] = await freePorts(1)
  await writeFile(
    config,
    JSON.stringify({
      pools: { app: { protocol: 'http', backends: [{ url: `http://127.0.0.1:${backend}` }] } },
      listeners: [
        {
          protocol: 'http',
          bind: `127.0.0.1:${port}`,
          pool: 'app',
          tls: { certificates: [{ cert, key }] },
        },
      ],
    }),
  )
  const { redis: _, ...ports } = await nodePorts()
  const started = startNode('tls', ports, [], ['--config', config])
  node = started
  await started.ready
  const reloads = () => started.log().split(/ringway (?:not )?reloaded/).length
  const reload = async () => {
    const before = reloads()
    started.kill('SIGHUP')
    await eventually('it has answered the signal', () => reloads() > before)
  }

  const { ca } = authority
  const load = new TlsLoad(
    Array.from({ length: CLIENTS }, () =>
      [overHttp1, overHttp2].flatMap((over) => [over(port, ca, true), over(port, ca, false)]),
    ).flat(),
  )
  const serials = [await serialSeen(port, ca)]
  for (let round = 0; round < 2; round++) {
    await load.more(PHASE_REQUESTS)
    await install(authority.sign(NAME))
    await reload()
    serials.push(await serialSeen(port, ca))
  }
  expect(new Set(serials).size).toBe(3)

  await writeFile(cert, 'no certificate')
  await reload()
  expect(started.log()).toMatch(/ringway not reloaded: .*listeners\.0\.tls/)
  // A key of another certificate is as bad: half of a rotation must not be taken.
  await writeFile(cert, authority.sign(NAME).cert)
  await reload()
  expect(started.log().match(/ringway not reloaded: .*listeners\.0\.tls/g)).toHaveLength(2)
  await load.more(PHASE_REQUESTS)
  expect(await serialSeen(port, ca)).toBe(serials.at(-1))
  await load.stop()
  console.info(`${load.answered} requests over TLS, ${load.failures.length} failed`)
  expect(load.failures).toEqual([])
})
