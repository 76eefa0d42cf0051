import { decompress } from './compression.ts'
import { ENVELOPE_BYTES, openEnvelope } from './encryption.ts'
import { WireError } from './errors.ts'
import { startsWith } from './label.ts'
import {
  COMPRESSED_BYTES_MAX,
  ENCRYPTED_FRAME_BYTES_MAX,
  MAP_VALUES_MAX,
  STREAM_HEADER_BYTES_MAX,
  STREAM_INFLATED_BYTES_MAX,
} from './limits.ts'
import { MESSAGE_TYPE } from './message-codec.ts'
import { INCOMPLETE, readLength, type ScanLimits, scanValue } from './msgpack-scan.ts'
import { NEED_MORE, StreamBody, type Window } from './stream-body.ts'
import { FRAME_HEADER_BYTES, frameAad, type StreamMessage } from './stream-message.ts'
import type { WireContext } from './wire-context.ts'

const COMPRESSED_LIMITS: ScanLimits = {
  valuesMax: MAP_VALUES_MAX,
  bytesMax: COMPRESSED_BYTES_MAX + STREAM_HEADER_BYTES_MAX,
}

/** Which end of the connection reads: only the dialer has written a label. */
export type StreamRole = 'acceptor' | 'dialer'

type Phase = 'label' | 'envelope' | 'compression' | 'body' | 'done'

/**
 * Decodes the one message that a stream direction carries, from chunks of any size.
 *
 *   acceptor: label → envelope → compression → body → done
 *   dialer:           envelope → compression → body → done
 *
 * Memory grows with what has arrived, never with what a length announces; every length is checked
 * against its limit as soon as it is known. Bytes behind the message are ignored.
 */
export class StreamDecoder {
  readonly #context: WireContext
  readonly #body: StreamBody
  #phase: Phase
  /** Received and not yet consumed: `#buffer[#from, #to)`. */
  #buffer: Uint8Array = new Uint8Array(0)
  #from = 0
  #to = 0
  /** True once the message came in an envelope or compressed: then all of its bytes are here. */
  #isWhole = false

  constructor(context: WireContext, role: StreamRole) {
    this.#context = context
    this.#body = new StreamBody(context.stateRowsMax)
    this.#phase = role === 'acceptor' ? 'label' : 'envelope'
  }

  /** Bytes held at the moment. */
  get bufferedBytes(): number {
    return this.#to - this.#from
  }

  /** True before the first byte of a message (a label does not count): a peer that closes here asked nothing. */
  get isIdle(): boolean {
    return this.bufferedBytes === 0 && (this.#phase === 'label' || this.#phase === 'envelope')
  }

  /** Adds received bytes; they are copied. */
  push(chunk: Uint8Array): void {
    if (this.#phase === 'done' || this.#isWhole) return
    const held = this.#to - this.#from
    if (this.#to + chunk.length > this.#buffer.length) this.#makeRoom(held + chunk.length)
    this.#buffer.set(chunk, this.#to)
    this.#to += chunk.length
  }

  #makeRoom(needed: number): void {
    const held = this.#buffer.subarray(this.#from, this.#to)
    const target =
      needed > this.#buffer.length
        ? new Uint8Array(Math.max(needed, this.#buffer.length * 2))
        : this.#buffer
    if (target === this.#buffer) target.copyWithin(0, this.#from, this.#to)
    else target.set(held)
    this.#buffer = target
    this.#to -= this.#from
    this.#from = 0
  }

  /**
   * The message, once, or NEED_MORE. After the message it keeps answering NEED_MORE.
   * @throws WireError when the bytes cannot become a message any more
   */
  next(): StreamMessage | typeof NEED_MORE {
    for (;;) {
      const before = this.#phase
      switch (before) {
        case 'label':
          this.#readLabel()
          break
        case 'envelope':
          this.#readEnvelope()
          break
        case 'compression':
          this.#readCompression()
          break
        case 'body':
          return this.#readBody()
        case 'done':
          return NEED_MORE
      }
      if (this.#phase !== before) continue
      if (this.#isWhole) throw new WireError('WIRE_TRUNCATED')
      return NEED_MORE
    }
  }

  #readLabel(): void {
    const { label } = this.#context
    if (this.bufferedBytes === 0) return
    const isLabelled = this.#buffer[this.#from] === MESSAGE_TYPE.label
    if (!isLabelled) {
      if (label.length > 0) throw new WireError('WIRE_LABEL')
      this.#phase = 'envelope'
      return
    }
    if (this.bufferedBytes < 2) return
    if (this.#buffer[this.#from + 1] !== label.length || label.length === 0) {
      throw new WireError('WIRE_LABEL')
    }
    if (this.bufferedBytes < 2 + label.length) return
    if (!startsWith(this.#buffer, this.#from + 2, label)) throw new WireError('WIRE_LABEL')
    this.#from += 2 + label.length
    this.#phase = 'envelope'
  }

  #readEnvelope(): void {
    const { keyring, verifyIncoming } = this.#context
    if (this.bufferedBytes === 0) return
    if (this.#buffer[this.#from] !== MESSAGE_TYPE.encrypt) {
      if (keyring.primary !== undefined && verifyIncoming) throw new WireError('WIRE_NOT_ENCRYPTED')
      this.#phase = 'compression'
      return
    }
    if (keyring.primary === undefined) throw new WireError('WIRE_UNEXPECTED_ENCRYPTED')
    if (this.bufferedBytes < FRAME_HEADER_BYTES) return
    const length = readLength(this.#buffer, this.#from + 1, 4)
    if (length > ENCRYPTED_FRAME_BYTES_MAX) {
      throw new WireError('WIRE_LENGTH_EXCEEDED', { frame: length, max: ENCRYPTED_FRAME_BYTES_MAX })
    }
    if (length < ENVELOPE_BYTES) throw new WireError('WIRE_ENCRYPTION', { frame: length })
    const body = this.#from + FRAME_HEADER_BYTES
    if (this.#to < body + length) return
    const aad = frameAad(this.#buffer.subarray(this.#from, body), this.#context.label)
    const sealed = this.#buffer.subarray(body, body + length)
    this.#replace(openEnvelope(this.#context.aead, keyring.keys, sealed, aad))
    this.#phase = 'compression'
  }

  #readCompression(): void {
    if (this.bufferedBytes === 0) return
    if (this.#buffer[this.#from] !== MESSAGE_TYPE.compress) {
      this.#phase = 'body'
      return
    }
    const map = this.#from + 1
    const end = scanValue(this.#buffer, map, this.#to, COMPRESSED_LIMITS)
    if (end === INCOMPLETE) return
    this.#replace(decompress(this.#buffer, map, end, STREAM_INFLATED_BYTES_MAX))
    this.#phase = 'body'
  }

  #replace(plain: Uint8Array): void {
    this.#buffer = plain
    this.#from = 0
    this.#to = plain.length
    this.#isWhole = true
  }

  #readBody(): StreamMessage | typeof NEED_MORE {
    const window: Window = { bytes: this.#buffer, from: this.#from, end: this.#to }
    const message = this.#body.read(window)
    this.#from = window.from
    if (message === NEED_MORE) {
      if (this.#isWhole) throw new WireError('WIRE_TRUNCATED')
      return NEED_MORE
    }
    this.#phase = 'done'
    this.#buffer = new Uint8Array(0)
    this.#from = 0
    this.#to = 0
    return message
  }
}
