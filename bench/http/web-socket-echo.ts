// The application behind the WebSocket rows: sends every message back. Argument: the port.
import { WebSocketServer } from 'ws'

const server = new WebSocketServer({
  host: '127.0.0.1',
  port: Number(process.argv[2]),
  perMessageDeflate: false,
})
server.on('connection', (socket) => {
  socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }))
  // A generator ends its connections without a word.
  socket.on('error', () => socket.terminate())
})
