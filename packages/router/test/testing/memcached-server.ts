import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { onCleanup } from './fixture.ts'
import { freePort } from './redis-server.ts'
import { until } from './until.ts'

/** Why tests over a real program are skipped, or `undefined` when they run. In CI a missing program is a failure. */
export function missingProgram(name: string): string | undefined {
  const found = (process.env['PATH'] ?? '')
    .split(':')
    .some((folder) => existsSync(`${folder}/${name}`))
  return found || process.env['CI'] === 'true' ? undefined : `${name} is not installed`
}

export interface MemcachedServer {
  readonly port: number
  readonly pid: number
  kill(signal?: NodeJS.Signals): Promise<void>
}

/** A real server on a free port of the loopback. */
export async function startMemcached(...more: readonly string[]): Promise<MemcachedServer> {
  const port = await freePort()
  const args = ['-l', '127.0.0.1', '-p', `${port}`, '-U', '0', '-u', 'root', '-m', '64', '-t', '1']
  const child = spawn('memcached', [...args, ...more], { stdio: ['ignore', 'ignore', 'inherit'] })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const kill = async (signal: NodeJS.Signals = 'SIGKILL') => {
    child.kill(signal)
    if (signal === 'SIGKILL') await exited
    // Its other threads answer until the one that gets the signal has stopped them.
    else if (signal === 'SIGSTOP') await until(() => isStopped(child.pid ?? 0), Boolean)
  }
  onCleanup(() => kill())
  const dead = exited.then(() => Promise.reject(new Error(`memcached ended on port ${port}`)))
  // Its end is only news while it starts.
  dead.catch(() => {})
  await Promise.race([answers(port), dead])
  return { port, pid: child.pid ?? 0, kill }
}

/** True when all threads of a process are stopped, or where there is no /proc that says so. */
function isStopped(pid: number): boolean {
  const tasks = `/proc/${pid}/task`
  if (!existsSync(tasks)) return true
  return readdirSync(tasks).every((task) =>
    /\) T /.test(readFileSync(`${tasks}/${task}/stat`, 'latin1')),
  )
}

/** Memcached says nothing when it is ready: asks until it answers, for at most 10 s. */
async function answers(port: number): Promise<void> {
  const deadline = performance.now() + 10_000
  while (performance.now() < deadline) {
    const reply = await askLines(port, 'version\r\n', /^VERSION .*\r\n/).catch(() => undefined)
    if (reply !== undefined) return
  }
  throw new Error(`memcached on port ${port} does not answer`)
}

/** Sends bytes and resolves with the reply once it matches; 5 s at most. */
export function askLines(port: number, bytes: string | Buffer, whole: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let reply = ''
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes))
    const timer = setTimeout(() => end(new Error(`no reply but ${JSON.stringify(reply)}`)), 5_000)
    const end = (error?: Error) => {
      clearTimeout(timer)
      socket.destroy()
      if (error) reject(error)
      else resolve(reply)
    }
    socket.on('error', end)
    socket.on('close', () => end(new Error(`closed after ${JSON.stringify(reply)}`)))
    socket.on('data', (chunk) => {
      reply += chunk.toString('latin1')
      if (whole.test(reply)) end()
    })
  })
}

/** Sends bytes, says `quit`, and resolves with everything that came until the server closed; 10 s at most. */
export function converse(port: number, bytes: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let reply = ''
    const socket: Socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.write(bytes)
      socket.write('\r\nquit\r\n')
    })
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error(`port ${port} did not close; it said ${JSON.stringify(reply.slice(-500))}`))
    }, 10_000)
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      reply += chunk.toString('latin1')
    })
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(reply)
    })
  })
}
