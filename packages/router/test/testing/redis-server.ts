import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { onCleanup } from './fixture.ts'

const program = (process.env['PATH'] ?? '')
  .split(':')
  .map((folder) => `${folder}/redis-server`)
  .find((path) => existsSync(path))

/** Why tests over real servers are skipped, or `undefined` when they run. In CI a missing program is a failure. */
export function missingRedis(): string | undefined {
  if (program !== undefined || process.env['CI'] === 'true') return undefined
  return 'redis-server is not installed'
}

export interface RedisServer {
  readonly port: number
  readonly process: ChildProcess
  /** SIGKILL, and the end of the process. */
  kill(): Promise<void>
}

/** A real server on a free port of the loopback, without persistence. */
export async function startRedis(...more: readonly string[]): Promise<RedisServer> {
  const server = await startRedisAlone(...more)
  onCleanup(server.kill)
  return server
}

/** The same for all tests of a file: the caller kills it. */
export async function startRedisAlone(...more: readonly string[]): Promise<RedisServer> {
  const port = await freePort()
  const args = [
    '--save',
    '',
    '--appendonly',
    'no',
    '--bind',
    '127.0.0.1',
    '--port',
    `${port}`,
    ...more,
  ]
  const child = spawn(program ?? 'redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const kill = async () => {
    child.kill('SIGKILL')
    await exited
  }
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', () => reject(new Error(`redis-server did not start on port ${port}`)))
    child.stdout?.on('data', (text) => {
      if (String(text).includes('Ready to accept connections')) resolve()
    })
  })
  return { port, process: child, kill }
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise<void>((resolve) => server.close(() => resolve()))
  if (typeof address !== 'object' || address === null) throw new Error('no free port')
  return address.port
}

/** One command straight to a server. */
export function askRedis(port: number, line: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(`${line}\r\n`))
    socket.once('error', reject)
    socket.once('data', (bytes) => {
      socket.destroy()
      resolve(bytes.toString('latin1'))
    })
  })
}
