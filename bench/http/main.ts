// HTTP proxies side by side, one process each in front of the same backends: the daemon as users start it, HAProxy (nbthread 1),
// nginx (1 worker, `hash … consistent`) and three proxies of npm. All choose the backend by the session cookie and add the same
// fields. wrk asks, 64 and 512 connections; rounds are interleaved, figures are medians. With UPDATE_DOCS=1 the tables in
// docs/benchmarks.md are replaced. Run: npm run build && npm run bench -- http
// BENCH_ROUNDS and BENCH_SECONDS (of one run of one proxy) make it shorter or longer: 5 and 1 take about nine minutes.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeTable } from '../docs-table.ts'
import { check, median, type Row, report } from '../harness.ts'
import { makeCertificate } from '../load/certificate.ts'
import type { Contender } from '../load/contender.ts'
import { openLoop } from '../load/fixed-replies.ts'
import { measureIdleMemory } from '../load/idle-memory.ts'
import {
  connected,
  cpuSeconds,
  keepApart,
  residentMegabytes,
  stopPrograms,
} from '../load/programs.ts'
import { checkAnswers } from './answers.ts'
import { BACKENDS, type Backends, startBackends, UPLOAD_BYTES } from './backends.ts'
import {
  NODE_PROXIES,
  startHaproxy,
  startNginx,
  startNodeProxy,
  startRingway,
} from './contenders.ts'
import { type Measured, rowsOf, tableOf } from './tables.ts'
import { runMessages } from './web-sockets.ts'
import { runWrk, SESSION_COOKIES, writeWrkScript } from './wrk.ts'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
const SECONDS = Number(process.env['BENCH_SECONDS'] ?? 1)
const CONNECTIONS = [64, 512]
const OPEN_LOOP_SECONDS = 3
const IDLE_CONNECTIONS = 10_000
const IDLE_REQUEST = 'GET /small HTTP/1.1\r\nHost: shop.example\r\nCookie: sid=idle\r\n\r\n'
const IDLE_BYTES_MAX = 12 * 1024
const IDLE_TLS_BYTES_MAX = 80 * 1024

/** What one run of one contender saw. */
interface Figures {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly errors?: number
}

interface Load {
  readonly name: string
  run(contender: Contender): Promise<Figures>
}

function loadsOf(folder: string): readonly Load[] {
  const kinds = [
    { name: 'small body', path: '/small', bodyBytes: 0 },
    { name: '100 KB body', path: '/large', bodyBytes: 0 },
    { name: '100 KB upload', path: '/upload', bodyBytes: UPLOAD_BYTES },
  ]
  const messages = (connections: number): Load => ({
    name: `WebSocket messages, ${connections} connections`,
    run: ({ port }) => runMessages(port, connections, SECONDS),
  })
  const requests = kinds.flatMap(({ name, path, bodyBytes }) => {
    const file = join(folder, `${path.slice(1)}.lua`)
    const script = writeWrkScript(file, { path, bodyBytes, cookies: SESSION_COOKIES })
    return CONNECTIONS.map(
      (connections): Load => ({
        name: `${name}, ${connections} connections`,
        // All connections of an upload get on at once: in a second the last of many may not have begun to end.
        run: ({ port }) =>
          runWrk({ port, connections, seconds: bodyBytes > 0 ? 2 * SECONDS : SECONDS, script }),
      }),
    )
  })
  return [...requests, ...CONNECTIONS.map(messages)]
}

/** Sessions whose backend a cookie of the proxy names: each proxy gets those that it has set itself. */
async function pinnedLoad(folder: string, contenders: readonly Contender[]): Promise<Load> {
  const scripts = new Map<string, string>()
  for (const [at, { name, port }] of contenders.entries()) {
    const cookies: string[] = []
    for (const cookie of SESSION_COOKIES.slice(0, 100)) {
      const response = await fetch(`http://127.0.0.1:${port}/small`, { headers: { cookie } })
      const [own = ''] = response.headers.getSetCookie()
      check(own.startsWith('ringway='), `${name} sets no cookie`)
      cookies.push(`${cookie}; ${own.split(';')[0]}`)
    }
    const file = join(folder, `pinned-${at}.lua`)
    scripts.set(name, writeWrkScript(file, { path: '/small', bodyBytes: 0, cookies }))
  }
  const [connections = 0] = CONNECTIONS
  return {
    name: `small body, pinned, ${connections} connections`,
    run: ({ name, port }) =>
      runWrk({ port, connections, seconds: SECONDS, script: scripts.get(name) ?? '' }),
  }
}

/** All contenders in turn, round by round and in changing order, after one round that does not count. */
async function measure(load: Load, contenders: readonly Contender[]): Promise<Measured> {
  const runs = new Map<string, (Figures & { readonly cpuMicros: number })[]>(
    contenders.map(({ name }) => [name, []]),
  )
  for (let round = 0; round <= ROUNDS; round++)
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[(i + round) % contenders.length]
      if (contender === undefined) continue
      const before = cpuSeconds(contender.pid)
      const figures = await load.run(contender)
      const cpuMicros = ((cpuSeconds(contender.pid) - before) * 1e6) / figures.requests
      if (round > 0) runs.get(contender.name)?.push({ ...figures, cpuMicros })
    }
  console.error(`measured ${load.name}`)
  return {
    name: load.name,
    contenders: contenders.map(({ name }) => {
      const of = (figure: (each: Figures & { readonly cpuMicros: number }) => number) =>
        median(runs.get(name)?.map(figure) ?? [])
      return {
        name,
        perSecond: of(({ perSecond }) => perSecond),
        cpuMicros: of(({ cpuMicros }) => cpuMicros),
        p50Ms: of(({ p50Ms }) => p50Ms),
        p99Ms: of(({ p99Ms }) => p99Ms),
        errors: (runs.get(name) ?? []).reduce((sum, { errors = 0 }) => sum + errors, 0),
      }
    }),
  }
}

/** Latency at half of what the slowest of these can do, from an open loop, and of a backend without a proxy. */
async function measureLatency(
  contenders: readonly Contender[],
  rate: number,
): Promise<readonly Row[]> {
  const request = `GET /small HTTP/1.1\r\nHost: shop.example\r\nCookie: ${SESSION_COOKIES[0]}\r\n\r\n`
  const [connections = 0] = CONNECTIONS
  const rows: Row[] = []
  const rounds = new Map<string, { p50Ms: number[]; p99Ms: number[] }>()
  const lengths = new Map<string, number>()
  for (const { name, port } of contenders) lengths.set(name, await replyBytes(port, request))
  const together = keepApart()
  for (let round = 0; round < ROUNDS; round++)
    for (const { name, port } of contenders) {
      const load = {
        ...{ port, connections, pipeline: 1, requests: 0 },
        request: () => request,
        replyBytes: lengths.get(name) ?? 0,
      }
      const { p50Ms, p99Ms } = await openLoop(load, rate, OPEN_LOOP_SECONDS)
      const seen = rounds.get(name) ?? { p50Ms: [], p99Ms: [] }
      seen.p50Ms.push(p50Ms)
      seen.p99Ms.push(p99Ms)
      rounds.set(name, seen)
    }
  together()
  for (const [name, seen] of rounds)
    for (const which of ['p50Ms', 'p99Ms'] as const)
      rows.push({
        what: `small body at ${rate} req/s, open loop: ${name}, ${which.slice(0, 3)}`,
        value: median(seen[which]),
        unit: 'ms',
      })
  return rows
}

/** Answers of one proxy to one request all have the same length. */
async function replyBytes(port: number, request: string): Promise<number> {
  const socket = await connected(port)
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.once('data', (bytes) => {
      socket.destroy()
      resolve(bytes.length)
    })
    socket.write(request)
  })
}

async function startAll(folder: string, backends: Backends): Promise<readonly Contender[]> {
  const contenders = [
    await startRingway(folder, backends, { sticky: 'hash' }),
    await startHaproxy(folder, backends, 'hash'),
    await startNginx(folder, backends),
  ]
  for (const name of NODE_PROXIES) contenders.push(await startNodeProxy(name, backends))
  return contenders
}

async function run(folder: string): Promise<void> {
  const backends = await startBackends(folder)
  const contenders = await startAll(folder, backends)
  for (const contender of contenders) await checkAnswers(contender, BACKENDS)
  const measured: Measured[] = []
  for (const load of loadsOf(folder)) measured.push(await measure(load, contenders))
  const pinned = [
    await startRingway(folder, backends, { sticky: 'pinned' }),
    await startHaproxy(folder, backends, 'pinned'),
  ]
  for (const contender of pinned) await checkAnswers(contender, BACKENDS)
  measured.push(await measure(await pinnedLoad(folder, pinned), pinned))
  const native = contenders.slice(0, contenders.length - NODE_PROXIES.length)
  const peaks = measured[0]?.contenders.slice(0, native.length) ?? []
  const rate = Math.round(Math.min(...peaks.map(({ perSecond }) => perSecond)) / 2)
  const direct = { name: 'direct', port: backends.ports[0] ?? 0, pid: undefined }
  const latency = await measureLatency([direct, ...native], rate)
  console.error('measured latency')
  const memory: Row[] = contenders.map(({ name, pid }) => ({
    what: `${name}: resident memory after all loads`,
    value: residentMegabytes(pid),
    unit: 'MB',
  }))
  memory.push(...(await measureIdle(folder, backends)))
  report('http', [...measured.flatMap(rowsOf), ...latency, ...memory])
  const table = tableOf(measured)
  console.log(`\n${table}`)
  if (process.env['UPDATE_DOCS'] === '1') writeTable('benchmarks.md', 'http', table)
}

/** In processes that have done nothing else. */
async function measureIdle(folder: string, backends: Backends): Promise<readonly Row[]> {
  const plain = await startRingway(folder, backends, { sticky: 'pinned' })
  const haproxy = await startHaproxy(folder, backends, 'hash')
  const tls = await startRingway(folder, backends, {
    sticky: 'pinned',
    tls: makeCertificate(folder),
  })
  const count = IDLE_CONNECTIONS
  const idle = { request: IDLE_REQUEST, answer: 'HTTP/1.1 200 ' }
  return [
    await measureIdleMemory(plain, { ...idle, count, tls: false, mustBytes: IDLE_BYTES_MAX }),
    await measureIdleMemory(haproxy, { ...idle, count: count / 5, tls: false }),
    await measureIdleMemory(tls, { ...idle, count, tls: true, mustBytes: IDLE_TLS_BYTES_MAX }),
  ]
}

const folder = mkdtempSync(join(tmpdir(), 'ringway-bench-'))
try {
  await run(folder)
} finally {
  stopPrograms()
  rmSync(folder, { recursive: true })
}
