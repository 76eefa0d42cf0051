import { connect, type Socket } from 'node:net'

/** Milliseconds from when a request was due to when its reply had come. */
export interface Latency {
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface OpenLoopOptions {
  readonly port: number
  readonly connections: number
  /** Requests per second over all connections, whatever the replies do. */
  readonly rate: number
  readonly durationMs: number
  /** One command, and how many bytes its reply has. */
  readonly command: Buffer
  readonly replyBytes: number
}

const DRAIN_MS = 1_000

/**
 * A load with a fixed rate: each request has a time at which it is due, and a reply that is late makes the later ones late
 * too. A generator that waits for replies would not see what its users see (coordinated omission).
 */
export async function openLoop(options: OpenLoopOptions): Promise<Latency> {
  const { connections, rate, durationMs } = options
  const lanes = await Promise.all(Array.from({ length: connections }, () => openLane(options)))
  const start = performance.now()
  const total = Math.floor((rate * durationMs) / 1_000)
  let sent = 0
  while (sent < total) {
    const due = Math.min(total, Math.floor(((performance.now() - start) * rate) / 1_000))
    for (; sent < due; sent++) lanes[sent % lanes.length]?.send(start + (sent * 1_000) / rate)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const end = performance.now() + DRAIN_MS
  while (performance.now() < end && lanes.some(({ waiting }) => waiting.length > 0))
    await new Promise((resolve) => setImmediate(resolve))
  for (const { socket } of lanes) socket.destroy()
  const all = lanes.flatMap(({ latencies }) => latencies).sort((a, b) => a - b)
  const at = (share: number) => all[Math.floor(all.length * share)] ?? Number.NaN
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}

interface Lane {
  readonly socket: Socket
  /** When the requests without a reply were due. */
  readonly waiting: number[]
  readonly latencies: number[]
  send(due: number): void
}

async function openLane({ port, command, replyBytes }: OpenLoopOptions): Promise<Lane> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve())
    socket.once('error', reject)
  })
  const waiting: number[] = []
  const latencies: number[] = []
  let bytes = 0
  socket.on('data', (more) => {
    const now = performance.now()
    bytes += more.length
    for (; bytes >= replyBytes && waiting.length > 0; bytes -= replyBytes)
      latencies.push(now - (waiting.shift() ?? now))
  })
  const send = (due: number) => {
    waiting.push(due)
    socket.write(command)
  }
  return { socket, waiting, latencies, send }
}
