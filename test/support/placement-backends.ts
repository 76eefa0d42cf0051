import { createServer, type Server, type Socket } from 'node:net'

/** Fake Redis servers that answer every `GET` with their own number. */
export interface FakeBackends {
  /** In the order of the numbers. */
  readonly ports: readonly number[]
  close(): Promise<void>
}

/** Starts one server per host, each on `port`, or on a free one. */
export async function startFakeBackends(hosts: readonly string[], port = 0): Promise<FakeBackends> {
  const sockets = new Set<Socket>()
  const servers = await Promise.all(
    hosts.map((host, number) => listen(answering(number, sockets), host, port)),
  )
  return {
    ports: servers.map((server) => (server.address() as { port: number }).port),
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    },
  }
}

function listen(server: Server, host: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve(server))
  })
}

/** What begins a command of two parts: nutcracker passes `GET` through as it came. */
const COMMAND = Buffer.from('*2\r\n$3\r\nGET\r\n$')
const CR = 0x0d

function answering(number: number, sockets: Set<Socket>): Server {
  const text = String(number)
  const reply = `$${text.length}\r\n${text}\r\n`
  return createServer((socket) => {
    sockets.add(socket)
    socket.setNoDelay(true)
    let rest: Buffer = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => {
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      let commands = 0
      let at = 0
      for (let end = commandEnd(bytes, at); end !== -1; end = commandEnd(bytes, at)) {
        commands++
        at = end
      }
      rest = bytes.subarray(at)
      if (commands > 0) socket.write(reply.repeat(commands))
    })
  })
}

/** Where the command at `at` ends, or -1 while it is not whole. */
function commandEnd(bytes: Buffer, at: number): number {
  const lengthAt = at + COMMAND.length
  const lineEnd = bytes.indexOf(CR, lengthAt)
  if (lineEnd === -1) return -1
  if (!bytes.subarray(at, lengthAt).equals(COMMAND)) {
    throw new Error(`unexpected command ${bytes.subarray(at, lineEnd).toString('latin1')}`)
  }
  const end = lineEnd + 2 + Number(bytes.toString('latin1', lengthAt, lineEnd)) + 2
  return end <= bytes.length ? end : -1
}
