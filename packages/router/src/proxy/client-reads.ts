import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net'
import { readBufferFor } from '../pool/read-buffer.ts'

/** `bytes[0, length)` was received; they are valid during the call only. */
export type TakeBytes = (bytes: Buffer, length: number) => void

interface ClientSocketOptions extends SocketConstructorOpts {
  readonly handle: unknown
  readonly onread: OnReadOpts
}

/**
 * Reads an accepted connection, and returns the socket to use from now on.
 *
 * By itself a server's socket gets a new buffer of 64 KB for every read, which costs more than the routing of a small request.
 * `onread` avoids that, but only whoever makes a socket may ask for it, and here the server makes it. So the connection
 * is moved to a socket of our own; where the runtime does not let us (a TLS socket, another runtime), it is read as usual.
 */
export function readClient(accepted: Socket, take: TakeBytes): Socket {
  const handle = takeHandle(accepted)
  if (handle === undefined) {
    accepted.on('data', (bytes) => take(bytes, bytes.length))
    return accepted
  }
  const buffer = readBufferFor(process.platform)
  const options: ClientSocketOptions = {
    handle,
    allowHalfOpen: accepted.allowHalfOpen,
    onread: {
      buffer,
      callback: (length) => {
        take(buffer, length)
        return true
      },
    },
  }
  const socket = new Socket(options)
  // The emptied one leaves the server's count of connections.
  accepted.destroy()
  return socket
}

/** The connection under a plain socket of the server, taken out of it; undefined where there is none to take. */
function takeHandle(socket: Socket): unknown {
  if (socket.constructor !== Socket || !('_handle' in socket)) return undefined
  const { _handle: handle } = socket
  if (typeof handle !== 'object' || handle === null || !('useUserBuffer' in handle))
    return undefined
  socket._handle = null
  return handle
}
