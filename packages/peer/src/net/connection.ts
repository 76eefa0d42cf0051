import type { Socket } from 'node:net'
import type { Frame } from '../wire/frame.ts'
import { FrameDecoder } from '../wire/frame-decoder.ts'
import { FRAME_BYTES_MAX, PREHELLO_BYTES_MAX } from '../wire/limits.ts'
import type { Counters } from './counters.ts'

// One socket that speaks frames, from its first byte to its last: first a handshake owns it, then a link.
//
// Out: frames wait until the end of the event-loop turn and then leave in one write (setImmediate runs once per turn, after all
// the sockets' callbacks), so that a thousand small messages cost one system call. Small frames are joined, large ones are not
// copied.

/** Who gets a connection's frames. `closed` comes exactly once, and nothing after it; `error` is undefined for a plain end. */
export interface ConnectionOwner {
  frame(frame: Frame): void
  closed(error: unknown): void
}

/** Up to this many bytes of frames are joined into one buffer; a frame above it is written as it is. */
const JOIN_BYTES_MAX = 64 * 1024

export class Connection {
  readonly socket: Socket
  /** Identity of the cluster key that secures it; undefined on a plain connection. */
  readonly keyIdentity: string | undefined
  /** Times by the hub's clock. */
  lastReceivedAt: number
  lastSentAt: number

  readonly #counters: Counters
  readonly #now: () => number
  readonly #decoder = new FrameDecoder(PREHELLO_BYTES_MAX)
  #owner: ConnectionOwner
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #scheduled: NodeJS.Immediate | undefined
  #closed = false

  constructor(
    socket: Socket,
    owner: ConnectionOwner,
    context: {
      readonly counters: Counters
      readonly now: () => number
      readonly keyIdentity: string | undefined
    },
  ) {
    this.socket = socket
    this.keyIdentity = context.keyIdentity
    this.#owner = owner
    this.#counters = context.counters
    this.#now = context.now
    this.lastReceivedAt = context.now()
    this.lastSentAt = this.lastReceivedAt
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('end', () => this.destroy(undefined))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy(undefined))
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Bytes that wait here and in the socket. */
  get queuedBytes(): number {
    return this.#waitingBytes + this.socket.writableLength
  }

  /** Hands the connection over; frames that have arrived already follow to the new owner in order. */
  setOwner(owner: ConnectionOwner): void {
    this.#owner = owner
  }

  /** Both hellos are exchanged: frames may be large from now on. */
  openFully(): void {
    this.#decoder.setFrameBytesMax(FRAME_BYTES_MAX)
  }

  /** Queues a frame; it leaves at the end of this event-loop turn. The caller has checked {@link queuedBytes}. */
  write(frame: Uint8Array): void {
    if (this.#closed) return
    this.#waiting.push(frame)
    this.#waitingBytes += frame.length
    this.#scheduled ??= setImmediate(flushConnection, this)
  }

  /** Sends what waits, and `last`, then ends the socket. The owner hears nothing any more. */
  end(last: Uint8Array, timeoutMs: number): void {
    if (this.#closed) return
    this.write(last)
    this.flush()
    this.#closed = true
    const timer = setTimeout(() => this.socket.destroy(), timeoutMs)
    this.socket.once('close', () => clearTimeout(timer))
    this.socket.end()
  }

  /** Drops the connection and what waits; the owner hears of it at once. Later calls do nothing. */
  destroy(error: unknown): void {
    if (this.#abandon()) this.#owner.closed(error)
  }

  /** Drops the connection without a word to its owner. */
  discard(): void {
    this.#abandon()
  }

  flush(): void {
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    const frames = this.#waiting
    if (frames.length === 0 || this.#closed) return
    this.#counters.framesOut += frames.length
    this.#counters.bytesOut += this.#waitingBytes
    this.#counters.writes++
    this.#waiting = []
    const bytes = this.#waitingBytes
    this.#waitingBytes = 0
    this.lastSentAt = this.#now()
    const only = frames[0]
    if (frames.length === 1 && only !== undefined) this.socket.write(only)
    else if (bytes <= JOIN_BYTES_MAX) this.socket.write(Buffer.concat(frames, bytes))
    else this.#writeCorked(frames)
  }

  #writeCorked(frames: readonly Uint8Array[]): void {
    this.socket.cork()
    let run: Uint8Array[] = []
    let runBytes = 0
    for (const frame of frames) {
      if (runBytes > 0 && runBytes + frame.length > JOIN_BYTES_MAX) {
        this.socket.write(Buffer.concat(run, runBytes))
        run = []
        runBytes = 0
      }
      if (frame.length > JOIN_BYTES_MAX) this.socket.write(frame)
      else {
        run.push(frame)
        runBytes += frame.length
      }
    }
    if (runBytes > 0) this.socket.write(Buffer.concat(run, runBytes))
    this.socket.uncork()
  }

  #receive(chunk: Buffer): void {
    if (this.#closed) return
    this.lastReceivedAt = this.#now()
    this.#counters.bytesIn += chunk.length
    try {
      // Always the plain class, so that bytes in messages are the same class however the stream was cut.
      this.#decoder.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength))
      // The owner may close the connection, or hand it over, with any frame.
      for (let frame = this.#decoder.next(); frame !== undefined; frame = this.#decoder.next()) {
        this.#counters.framesIn++
        this.#owner.frame(frame)
        if (this.#closed) return
      }
    } catch (error) {
      this.destroy(error)
    }
  }

  #abandon(): boolean {
    if (this.#closed) {
      // After end() the socket only waits for the other side's end, or for its timer.
      return false
    }
    this.#closed = true
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled)
    this.#waiting = []
    this.#waitingBytes = 0
    this.socket.destroy()
    return true
  }
}

const flushConnection = (connection: Connection): void => connection.flush()
