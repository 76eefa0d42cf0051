import { createServer, type Server, type Socket } from 'node:net'
import { freePorts } from './ports.ts'

/** A server that answers every command with the same text: enough to see where commands go. It can be stopped and started. */
export interface FakeRedis {
  readonly name: string
  readonly port: number
  start(): Promise<void>
  /** Refuses connections, and resets those that are open. */
  stop(): Promise<void>
}

/** Commands in a read: each is an array of bulk strings, or one line such as a PING. */
const COMMANDS = /\*\d+\r\n(?:\$\d+\r\n[^\r]*\r\n)+|PING\r\n/g

export async function fakeRedis(name: string): Promise<FakeRedis> {
  const [port = 0] = await freePorts(1)
  const sockets = new Set<Socket>()
  let server: Server | undefined
  const serve = (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      const commands = String(bytes).match(COMMANDS) ?? []
      socket.write(`$${name.length}\r\n${name}\r\n`.repeat(commands.length))
    })
  }
  return {
    name,
    port,
    start: () =>
      new Promise((resolve, reject) => {
        server = createServer(serve)
        server.once('error', reject)
        server.listen(port, '127.0.0.1', resolve)
      }),
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.resetAndDestroy()
        if (server?.listening) server.close(() => resolve())
        else resolve()
      }),
  }
}
