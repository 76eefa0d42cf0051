import type { Message, StateExchange } from '../core/messages.ts'
import { Keyring } from '../wire/keyring.ts'
import { decodePacket, encodePacket } from '../wire/packet.ts'
import { NEED_MORE } from '../wire/stream-body.ts'
import { StreamDecoder } from '../wire/stream-decoder.ts'
import {
  encodeStream,
  type OutgoingStreamMessage,
  type StreamMessage,
} from '../wire/stream-message.ts'
import type { WireContext } from '../wire/wire-context.ts'

/** What arrives of what was sent, and how many bytes it was. */
export interface Carried<Content> {
  readonly content: Content
  readonly bytes: number
}

/** How messages get from one process to another. */
export interface SimulatedWire {
  packet(messages: readonly Message[]): Carried<readonly Message[]>
  state(exchange: StateExchange): Carried<StateExchange>
  /** A ping over a stream and its ack: the bytes of both. */
  streamPing(node: string, seq: number): number
}

/** Messages arrive as the objects that were sent; nothing is encoded, and no bytes are counted. */
export const DECODED_WIRE: SimulatedWire = {
  packet: (content) => ({ content, bytes: 0 }),
  state: (content) => ({ content, bytes: 0 }),
  streamPing: () => 0,
}

/** Everything goes through the real codec, plain and uncompressed. */
export class BytesWire implements SimulatedWire {
  readonly #context: WireContext
  readonly #fail: (text: string) => never

  constructor(stateRowsMax: number, fail: (text: string) => never) {
    this.#fail = fail
    this.#context = {
      label: new Uint8Array(0),
      keyring: new Keyring(),
      aead: { seal: () => fail('nothing is encrypted'), open: () => fail('nothing is encrypted') },
      nonce: () => fail('nothing is encrypted'),
      encryptionVersion: 1,
      verifyIncoming: true,
      verifyOutgoing: true,
      compression: false,
      stateRowsMax,
    }
  }

  packet(messages: readonly Message[]): Carried<readonly Message[]> {
    const packet = encodePacket(messages, this.#context)
    const { messages: content, faults } = decodePacket(packet, this.#context)
    const [fault] = faults
    if (fault !== undefined) this.#fail(`the codec refused a packet of its own: ${fault.message}`)
    return { content, bytes: packet.length }
  }

  state(exchange: StateExchange): Carried<StateExchange> {
    const { content, bytes } = this.#stream({ type: 'push-pull', state: exchange })
    if (content.type !== 'push-pull') return this.#fail(`a state came back as ${content.type}`)
    const [refused] = content.refused
    if (refused !== undefined) this.#fail(`a row of ours was refused: ${refused.error.message}`)
    return { content: content.state, bytes }
  }

  streamPing(node: string, seq: number): number {
    const ping = this.#stream({ type: 'ping', node, seq })
    const ack = this.#stream({ type: 'ack', seq, payload: new Uint8Array(0) })
    return ping.bytes + ack.bytes
  }

  #stream(message: OutgoingStreamMessage): Carried<StreamMessage> {
    const bytes = encodeStream(message, this.#context)
    const decoder = new StreamDecoder(this.#context, 'acceptor')
    decoder.push(bytes)
    const content = decoder.next()
    if (content === NEED_MORE) return this.#fail(`a ${message.type} was not whole`)
    return { content, bytes: bytes.length }
  }
}
