import { type ChildProcess, spawn } from 'node:child_process'
import { eventually } from './eventually.ts'
import { plainClient } from './redis-client.ts'

/** A real `redis-server` of a test: no persistence, loopback, stopped by pid. */
export interface RedisServer {
  readonly port: number
  readonly pid: number
  signal(signal: NodeJS.Signals): void
  stop(): Promise<void>
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

export async function startRedis(port: number): Promise<RedisServer> {
  const child = spawn(
    'redis-server',
    [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--daemonize',
      'no',
    ],
    { stdio: 'ignore' },
  )
  running.add(child)
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  void exited.then(() => running.delete(child))
  await eventually(`redis-server on port ${port}`, async () => {
    const client = await plainClient(port)
    const pong = await client.ping()
    client.disconnect()
    return pong === 'PONG'
  })
  return {
    port,
    pid: child.pid ?? 0,
    signal: (signal) => child.kill(signal),
    stop: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}
