import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'

/** A program of another project that a test started with a configuration of its own; stopped by pid. */
export interface LiveProgram {
  readonly pid: number
  stop(): Promise<void>
}

const running = new Set<ChildProcess>()
// SIGTERM, not SIGKILL: nginx and haproxy have workers that only their master can end.
process.once('exit', () => {
  for (const child of running) child.kill('SIGTERM')
})
const STOP_TIMEOUT_MS = 5_000

/** Where a program runs and how it is called; `folder` is its own and is removed at the end. */
export interface LiveOptions {
  readonly program: string
  readonly config: (folder: string) => string
  readonly args: (file: string, folder: string) => readonly string[]
  /** Ports that accept connections once it is ready. */
  readonly ports: readonly number[]
}

/** Starts a program and waits until its ports accept connections. */
export async function startProgram(options: LiveOptions): Promise<LiveProgram> {
  const { program, config, args, ports } = options
  const folder = await mkdtemp(join(tmpdir(), 'ringway-placement-'))
  const file = join(folder, 'config')
  await writeFile(file, config(folder))
  const child = spawn(program, args(file, folder), { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000)
    })
  }
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  void exited.then(() => running.delete(child))
  const stop = async () => {
    child.kill('SIGTERM')
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(late)
    await rm(folder, { recursive: true, force: true })
  }
  try {
    for (const port of ports) {
      await eventually(`${program} on port ${port}`, async () => {
        if (child.exitCode !== null) throw new Error(`${program} ended: ${said}`)
        return accepts(port)
      })
    }
  } catch (error) {
    await stop()
    throw new Error(`${program} did not start: ${said}`, { cause: error })
  }
  return { pid: child.pid ?? 0, stop }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
