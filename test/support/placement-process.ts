import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnOwned } from './child-process.ts'
import { eventually } from './eventually.ts'

/** A program of another project that a test started with a configuration of its own; stopped by pid. */
export interface LiveProgram {
  readonly pid: number
  stop(): Promise<void>
}

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
  // SIGTERM, not SIGKILL: nginx and haproxy have workers that only their master can end.
  const {
    child,
    pid,
    stop: end,
  } = spawnOwned(program, args(file, folder), { stdio: ['ignore', 'pipe', 'pipe'] }, 'SIGTERM')
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000)
    })
  }
  const stop = async () => {
    await end()
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
  return { pid, stop }
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
