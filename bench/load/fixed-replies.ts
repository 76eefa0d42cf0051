import type { Socket } from 'node:net'
import { connected } from './programs.ts'

/** Requests whose replies all have the same length: a reply is counted by its bytes, so that the load costs little. */
export interface FixedLoad {
  readonly port: number
  readonly connections: number
  /** Requests that a connection has on the way at once. */
  readonly pipeline: number
  readonly requests: number
  /** The bytes of request `index`. */
  readonly request: (index: number) => string
  readonly replyBytes: number
}

/** What a load saw. */
export interface LoadFigures {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/** Closed loop: each connection sends its next batch when the last is answered. Latency is that of a batch. */
export async function closedLoop(load: FixedLoad): Promise<LoadFigures> {
  const { connections, pipeline, requests, request, replyBytes } = load
  const batches = Math.ceil(requests / pipeline)
  const fitting = Math.floor(BATCH_BYTES_MAX / (request(0).length * pipeline))
  const texts = Array.from({ length: Math.min(batches, BATCHES_KEPT_MAX, fitting) }, (_, batch) =>
    Buffer.from(
      Array.from({ length: pipeline }, (_each, i) => request(batch * pipeline + i)).join(''),
      'latin1',
    ),
  )
  const sockets = await Promise.all(Array.from({ length: connections }, () => connected(load.port)))
  const latencies: number[] = []
  let sent = 0
  const startedAt = performance.now()
  await Promise.all(
    sockets.map((socket) =>
      runBatches(
        socket,
        replyBytes * pipeline,
        () => {
          if (sent >= batches) return undefined
          return texts[sent++ % texts.length]
        },
        latencies,
      ),
    ),
  )
  const seconds = (performance.now() - startedAt) / 1_000
  for (const socket of sockets) socket.destroy()
  return { perSecond: (batches * pipeline) / seconds, ...quantiles(latencies) }
}

/**
 * Open loop: requests are due at a fixed rate, whether earlier ones are answered or not, and latency counts from when one
 * was due. So a stall is seen by all requests that came into it.
 */
export async function openLoop(
  load: FixedLoad,
  perSecond: number,
  seconds: number,
): Promise<LoadFigures> {
  const { connections, request, replyBytes } = load
  const sockets = await Promise.all(Array.from({ length: connections }, () => connected(load.port)))
  const due: number[][] = sockets.map(() => [])
  const received = sockets.map(() => 0)
  const latencies: number[] = []
  const total = Math.round(perSecond * seconds)
  const startedAt = performance.now()
  let sent = 0
  const lastReplyAt = startedAt + seconds * 1_000 + DRAIN_MS_MAX
  await new Promise<void>((resolve, reject) => {
    for (const [at, socket] of sockets.entries()) {
      socket.on('error', reject)
      socket.on('data', (bytes) => {
        const now = performance.now()
        received[at] = (received[at] ?? 0) + bytes.length
        while ((received[at] ?? 0) >= replyBytes) {
          received[at] = (received[at] ?? 0) - replyBytes
          latencies.push(now - (due[at]?.shift() ?? now))
        }
        if (latencies.length === total) resolve()
      })
    }
    const tick = () => {
      const elapsed = performance.now() - startedAt
      const until = Math.min(total, Math.floor((elapsed * perSecond) / 1_000))
      for (; sent < until; sent++) {
        const at = sent % connections
        due[at]?.push(startedAt + (sent * 1_000) / perSecond)
        sockets[at]?.write(request(sent), 'latin1')
      }
      if (performance.now() > lastReplyAt)
        reject(new Error(`${total - latencies.length} of ${total} requests have no reply`))
      else if (latencies.length < total) setImmediate(tick)
    }
    tick()
  })
  for (const socket of sockets) socket.destroy()
  return { perSecond, ...quantiles(latencies) }
}

/** Batches that are made before the clock runs, and said again and again. */
const BATCHES_KEPT_MAX = 2_000
const BATCH_BYTES_MAX = 16 * 1024 * 1024
/** How long an open loop waits for replies after its last request. */
const DRAIN_MS_MAX = 10_000

/** Sends what `next` gives, each after the reply of `batchBytes` to the one before; resolves when it gives nothing more. */
export function runBatches(
  socket: Socket,
  batchBytes: number,
  next: () => Buffer | undefined,
  latencies: number[],
): Promise<void> {
  return new Promise((resolve, reject) => {
    let missing = 0
    let sentAt = 0
    const send = () => {
      const bytes = next()
      if (bytes === undefined) {
        resolve()
        return
      }
      missing = batchBytes
      sentAt = performance.now()
      socket.write(bytes)
    }
    socket.on('error', reject)
    socket.once('close', () =>
      reject(new Error('the connection was closed before all was answered')),
    )
    socket.on('data', (bytes) => {
      missing -= bytes.length
      if (missing > 0) return
      latencies.push(performance.now() - sentAt)
      send()
    })
    send()
  })
}

export function quantiles(latencies: number[]): { readonly p50Ms: number; readonly p99Ms: number } {
  const sorted = latencies.sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}
