// Clients that ask once and then keep their connection, in a process of its own so that its memory is not measured. Arguments:
// the port, how many, `tls` or `plain`, what is asked, and how the answer begins. Sends `ready` to its parent when all are idle, and lives until it is stopped.
import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Connections that are opened at once. */
const LANES = 50

const [port, count, kind, request = '', expected = ''] = process.argv.slice(2)
const address = { host: '127.0.0.1', port: Number(port) }
let left = Number(count)

async function openAndAsk(): Promise<void> {
  const tls = kind === 'tls'
  const socket = tls ? connectTls({ ...address, rejectUnauthorized: false }) : connect(address)
  socket.on('error', (error) => {
    throw error
  })
  await once(socket, tls ? 'secureConnect' : 'connect')
  socket.write(request)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  if (!answer.toString('latin1').startsWith(expected)) throw new Error(String(answer))
}

await Promise.all(
  Array.from({ length: LANES }, async () => {
    while (left-- > 0) await openAndAsk()
  }),
)
process.send?.('ready')
