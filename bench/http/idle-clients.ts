// Clients that ask once and then keep their connection, in a process of its own so that its memory is not measured. Arguments:
// the port, how many, and `tls` or `plain`. Sends `ready` to its parent when all are idle, and lives until it is stopped.
import { once } from 'node:events'
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'

/** Connections that are opened at once. */
const LANES = 50
const REQUEST = 'GET /small HTTP/1.1\r\nHost: shop.example\r\nCookie: sid=idle\r\n\r\n'

const [port, count, kind] = process.argv.slice(2)
const address = { host: '127.0.0.1', port: Number(port) }
let left = Number(count)

async function openAndAsk(): Promise<void> {
  const tls = kind === 'tls'
  const socket = tls ? connectTls({ ...address, rejectUnauthorized: false }) : connect(address)
  socket.on('error', (error) => {
    throw error
  })
  await once(socket, tls ? 'secureConnect' : 'connect')
  socket.write(REQUEST)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  if (!answer.toString('latin1').startsWith('HTTP/1.1 200 ')) throw new Error(String(answer))
}

await Promise.all(
  Array.from({ length: LANES }, async () => {
    while (left-- > 0) await openAndAsk()
  }),
)
process.send?.('ready')
