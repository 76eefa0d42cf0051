import { connect } from 'node:net'
import { spawnOwned } from './child-process.ts'
import { eventually } from './eventually.ts'

/** A real `memcached` of a test, on loopback, stopped by pid. */
export interface MemcachedServer {
  readonly port: number
  readonly pid: number
  signal(signal: NodeJS.Signals): void
  stop(): Promise<void>
}

export async function startMemcached(port: number): Promise<MemcachedServer> {
  const args = ['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-u', 'root', '-m', '64']
  const { child, pid, stop } = spawnOwned('memcached', args, { stdio: 'ignore' })
  await eventually(`memcached on port ${port}`, async () =>
    (await askMemcached(port, 'version\r\n', /\n$/)).startsWith('VERSION'),
  )
  return { port, pid, signal: (signal) => child.kill(signal), stop }
}

/** Sends bytes and resolves with the reply once it matches; 5 s at most. */
export function askMemcached(port: number, bytes: string, until: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let reply = ''
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes, 'latin1'))
    const end = (error?: Error) => {
      clearTimeout(timer)
      socket.destroy()
      if (error) reject(error)
      else resolve(reply)
    }
    const timer = setTimeout(() => end(new Error(`no reply but ${JSON.stringify(reply)}`)), 5_000)
    socket.on('error', end)
    socket.on('close', () => end(new Error(`closed after ${JSON.stringify(reply)}`)))
    socket.on('data', (chunk) => {
      reply += chunk.toString('latin1')
      if (until.test(reply)) end()
    })
  })
}
