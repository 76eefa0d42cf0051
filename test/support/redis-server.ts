import { spawnOwned } from './child-process.ts'
import { eventually } from './eventually.ts'
import { plainClient } from './redis-client.ts'

/** A real `redis-server` of a test: no persistence, loopback, stopped by pid. */
export interface RedisServer {
  readonly port: number
  readonly pid: number
  signal(signal: NodeJS.Signals): void
  stop(): Promise<void>
}

export async function startRedis(port: number): Promise<RedisServer> {
  const { child, pid, stop } = spawnOwned(
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
  await eventually(`redis-server on port ${port}`, async () => {
    const client = await plainClient(port)
    const pong = await client.ping()
    client.disconnect()
    return pong === 'PONG'
  })
  return {
    port,
    pid,
    signal: (signal) => child.kill(signal),
    stop,
  }
}
