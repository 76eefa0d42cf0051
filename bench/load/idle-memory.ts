import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Row } from '../harness.ts'
import type { Contender } from './contender.ts'
import { residentMegabytes } from './programs.ts'

/** Clients before the measurement, so that it shows no code that runs for the first time. */
const WARM_UP = 200
/** Time in which the process collects what the handshakes left behind. */
const SETTLE_MS = 3_000
const BYTES_PER_MB = 1024 * 1024

/** What an idle client has asked once, and how the answer begins. */
export interface IdleRequest {
  readonly request: string
  readonly answer: string
}

export interface IdleOptions extends IdleRequest {
  readonly count: number
  readonly tls: boolean
  readonly mustBytes?: number
}

/** Resident memory per idle connection that has asked once, above what the process has after some others came and went. */
export async function measureIdleMemory(
  { name, port, pid }: Contender,
  options: IdleOptions,
): Promise<Row> {
  const { count, tls, mustBytes } = options
  await withIdleClients(port, { ...options, count: WARM_UP }, async () => {})
  await settle()
  const before = residentMegabytes(pid)
  let after = 0
  await withIdleClients(port, options, async () => {
    await settle()
    after = residentMegabytes(pid)
  })
  const value = Math.round(((after - before) * BYTES_PER_MB) / count)
  const what = `${name}: ${count} idle ${tls ? 'TLS' : 'plain'} connections, memory of each`
  if (mustBytes === undefined) return { what, value, unit: 'bytes' }
  return { what, value, unit: 'bytes', must: `<= ${mustBytes}`, pass: value <= mustBytes }
}

async function withIdleClients(
  port: number,
  { count, tls, request, answer }: IdleOptions,
  act: () => Promise<void>,
): Promise<void> {
  const program = fileURLToPath(new URL('./idle-clients.js', import.meta.url))
  const kind = tls ? 'tls' : 'plain'
  const clients = fork(program, [String(port), String(count), kind, request, answer])
  const ended = once(clients, 'exit')
  try {
    await Promise.race([
      once(clients, 'message'),
      ended.then(() => {
        throw new Error(`${count} idle clients of port ${port} have failed`)
      }),
    ])
    await act()
  } finally {
    clients.kill('SIGKILL')
    await ended
  }
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS))
}
