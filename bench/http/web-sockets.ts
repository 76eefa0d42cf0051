import { once } from 'node:events'
import type { Socket } from 'node:net'
import { quantiles, runBatches } from '../load/fixed-replies.ts'
import { connected } from '../load/programs.ts'

/** What a run of messages saw. */
export interface MessageFigures {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
}

const MESSAGE_BYTES = 64
/** Binary, final, masked with zeros: the text travels as it is. */
const FRAME = Buffer.concat([
  Buffer.from([0x82, 0x80 | MESSAGE_BYTES, 0, 0, 0, 0]),
  Buffer.alloc(MESSAGE_BYTES, 'm'),
])
const ECHO = Buffer.concat([Buffer.from([0x82, MESSAGE_BYTES]), Buffer.alloc(MESSAGE_BYTES, 'm')])
const HANDSHAKE = [
  'GET /ws HTTP/1.1',
  'Host: shop.example',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
  '\r\n',
].join('\r\n')

/** A WebSocket through the proxy, after its handshake. */
async function openWebSocket(port: number): Promise<Socket> {
  const socket = await connected(port)
  socket.write(HANDSHAKE)
  const [head] = (await once(socket, 'data')) as [Buffer]
  const text = head.toString('latin1')
  if (!text.startsWith('HTTP/1.1 101 ') || !text.endsWith('\r\n\r\n'))
    throw new Error(`port ${port} does not switch to WebSocket: ${text}`)
  return socket
}

/** True when a message comes back as it was sent. */
export async function echoes(port: number): Promise<boolean> {
  const socket = await openWebSocket(port)
  socket.write(FRAME)
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return bytes.equals(ECHO)
}

/** Each connection sends its next message when the last one has come back, for some seconds. */
export async function runMessages(
  port: number,
  connections: number,
  seconds: number,
): Promise<MessageFigures> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => openWebSocket(port)))
  const latencies: number[] = []
  const startedAt = performance.now()
  const endsAt = startedAt + seconds * 1_000
  const next = () => (performance.now() < endsAt ? FRAME : undefined)
  await Promise.all(sockets.map((socket) => runBatches(socket, ECHO.length, next, latencies)))
  const elapsed = (performance.now() - startedAt) / 1_000
  for (const socket of sockets) socket.destroy()
  const requests = latencies.length
  return { requests, perSecond: requests / elapsed, ...quantiles(latencies) }
}
