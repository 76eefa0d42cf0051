import type { Message } from '../../src/core/messages.ts'
import { parseSnapshot } from '../../src/net/snapshot-text.ts'
import {
  META_BYTES_MAX,
  NAME_BYTES_MAX,
  PACKET_COMMANDS_MAX,
  PACKET_FAULTS_MAX,
  PACKET_INFLATED_BYTES_MAX,
  REFUSED_ROWS_KEPT_MAX,
} from '../../src/wire/limits.ts'
import type { StreamMessage } from '../../src/wire/stream-message.ts'
import { type ContextName, contextsOf, isStrict, ROWS_MAX } from './contexts.ts'
import { Draw } from './draw.ts'
import { referenceInflate } from './reference-lzw.ts'
import { streamSummary, summary } from './summary.ts'
import type { Wire } from './wire.ts'

/** What is fed to which decoder. */
export type Target =
  | 'packet'
  | 'acceptor'
  | 'dialer'
  | 'lzw'
  | 'tags'
  | 'serf'
  | 'keyring'
  | 'snapshot'

export const TARGETS: readonly Target[] = [
  'packet',
  'acceptor',
  'dialer',
  'lzw',
  'tags',
  'serf',
  'keyring',
  'snapshot',
]

export interface Input {
  readonly target: Target
  readonly context: ContextName
  readonly bytes: Uint8Array
  /** What has to come out, if it is known. */
  readonly expected?: string
  /** False when the bytes are not sealed by a key of the ring. */
  readonly isAuthentic: boolean
}

/** A decoder did what it must not. */
export class Finding extends Error {}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Finding(what)
}

const LZW_BYTES_MAX = 4_096
const encoder = new TextEncoder()
const SURROGATE = /\p{Surrogate}/u

/** Feeds decoders and judges what they do. `run` returns the outcome in words; codes are counted on the way. */
export class Oracle {
  readonly codes = new Map<string, number>()
  readonly #wire: Wire
  readonly #contexts: ReturnType<typeof contextsOf>

  constructor(wire: Wire) {
    this.#wire = wire
    this.#contexts = contextsOf(wire)
  }

  /** @throws Finding */
  run(input: Input): string {
    const outcome = this.#decode(input)
    if (input.expected !== undefined) {
      must(outcome === input.expected, `expected ${input.expected}, got ${outcome}`)
    }
    return outcome
  }

  #decode(input: Input): string {
    switch (input.target) {
      case 'packet':
        return this.#packet(input)
      case 'acceptor':
      case 'dialer':
        return this.#stream(input)
      case 'lzw':
        return this.#lzw(input.bytes)
      case 'tags':
        return this.#tags(input.bytes)
      case 'serf':
        return this.#serf(input.bytes)
      case 'keyring':
        return this.#keyring(input.bytes)
      case 'snapshot':
        return this.#snapshot(input.bytes)
    }
  }

  #count(code: string): string {
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1)
    return code
  }

  /** The code of a `WireError`; anything else that is thrown is a finding. */
  #codeOf(error: unknown): string {
    if (error instanceof this.#wire.WireError) return this.#count(error.code)
    throw new Finding(`threw ${error instanceof Error ? error.stack : String(error)}`)
  }

  #packet({ bytes, context, isAuthentic }: Input): string {
    const copy = bytes.slice()
    let decoded: ReturnType<Wire['decodePacket']>
    try {
      decoded = this.#wire.decodePacket(copy, this.#contexts[context])
    } catch (error) {
      throw new Finding(`threw ${error instanceof Error ? error.stack : String(error)}`)
    }
    const { faults, messages } = decoded
    must(messages.length <= PACKET_COMMANDS_MAX, `${messages.length} messages of one packet`)
    // Those of the parts, of a cut compound and of the packet itself.
    must(faults.length <= PACKET_FAULTS_MAX + 2, `${faults.length} faults of one packet`)
    must(messages.length > 0 || faults.length > 0 || bytes.length > 0, 'nothing was said')
    if (isStrict(context) && !isAuthentic) must(messages.length === 0, 'opened without a key')
    const before = messages.map(summary)
    copy.fill(0xee)
    messages.forEach((message, index) => {
      checkBounds(message)
      // The dearer looks are taken in turn, as the input itself decides.
      const turn = (bytes.length + index) % 4
      if (turn === 0) must(summary(message) === before[index], 'a kept field lies in the packet')
      if (turn === 1) this.#checkWriting(message)
    })
    const codes = faults.map(({ code }) => this.#count(code))
    return [...before, ...codes].join(' | ')
  }

  #checkWriting(message: Message): void {
    const again = this.#wire.encodeMessage(message)
    must(again.length === this.#wire.messageSize(message), 'measured otherwise than written')
    must(summary(this.#wire.decodeMessage(again)) === summary(message), 'did not come back')
  }

  /** One chunk and many have to end alike. */
  #stream(input: Input): string {
    const whole = this.#readStream(input, [input.bytes])
    const cut = this.#readStream(input, chunksOf(input.bytes))
    must(whole === cut, `whole: ${whole}; in chunks: ${cut}`)
    return whole
  }

  #readStream({ context, isAuthentic, target }: Input, chunks: readonly Uint8Array[]): string {
    const { NEED_MORE, StreamDecoder } = this.#wire
    const decoder = new StreamDecoder(
      this.#contexts[context],
      target === 'dialer' ? 'dialer' : 'acceptor',
    )
    let pushed = 0
    try {
      for (const chunk of chunks) {
        const copy = chunk.slice()
        decoder.push(copy)
        pushed += chunk.length
        copy.fill(0xee)
        const message = decoder.next()
        must(decoder.bufferedBytes <= pushed, 'holds more than has arrived')
        if (typeof message === 'symbol') continue
        must(decoder.next() === NEED_MORE, 'answered twice')
        if (isStrict(context)) must(isAuthentic, 'opened without a key')
        checkStreamBounds(message)
        if (message.type === 'push-pull') {
          for (const { error } of message.refused) this.#count(error.code)
        }
        return streamSummary(message)
      }
    } catch (error) {
      if (error instanceof Finding) throw error
      return this.#codeOf(error)
    }
    return 'waits'
  }

  #lzw(bytes: Uint8Array): string {
    const reference = referenceInflate(bytes, LZW_BYTES_MAX)
    let outcome: string
    try {
      const plain = this.#wire.inflate(bytes, LZW_BYTES_MAX)
      must(plain.length <= LZW_BYTES_MAX, `${plain.length} bytes inflated`)
      outcome = Buffer.from(plain).toString('hex')
    } catch (error) {
      if (error instanceof Finding) throw error
      outcome = this.#codeOf(error)
    }
    const wanted =
      reference === 'broken'
        ? 'WIRE_COMPRESSION'
        : reference === 'too long'
          ? 'WIRE_LENGTH_EXCEEDED'
          : Buffer.from(reference).toString('hex')
    must(outcome === wanted, `LZW: ${outcome} and not ${wanted}`)
    return outcome.startsWith('WIRE') ? outcome : 'inflated'
  }

  #tags(bytes: Uint8Array): string {
    try {
      const decoded = this.#wire.decodeTags(bytes)
      if (!decoded.ok) return `${this.#count(decoded.error.code)} ${JSON.stringify(decoded.tags)}`
      return JSON.stringify(decoded.tags)
    } catch (error) {
      throw new Finding(`threw ${error instanceof Error ? error.stack : String(error)}`)
    }
  }

  #serf(bytes: Uint8Array): string {
    try {
      const intent = this.#wire.decodeSerfIntent(bytes)
      const clocks = this.#wire.decodeSerfClocks(bytes)
      if (intent !== undefined) {
        must(encoder.encode(intent.node).length <= NAME_BYTES_MAX, 'a long name in an intent')
        return `${intent.type} ${intent.lTime} ${intent.node}`
      }
      return clocks === undefined
        ? 'none'
        : `${clocks.lTime} ${clocks.eventLTime} ${clocks.queryLTime}`
    } catch (error) {
      if (error instanceof Finding) throw error
      throw new Finding(`threw ${error instanceof Error ? error.stack : String(error)}`)
    }
  }

  /** Bytes are steps: which key, and what is done with it. */
  #keyring(bytes: Uint8Array): string {
    const ring = new this.#wire.Keyring()
    const known: string[] = []
    let outcome = ''
    for (const step of bytes.subarray(0, 64)) {
      const key = new Uint8Array([16, 24, 32, 5][step & 3] ?? 16).fill(step >> 4)
      const action = (['install', 'use', 'remove'] as const)[(step >> 2) % 3] ?? 'use'
      try {
        ring[action](key)
      } catch (error) {
        outcome = this.#codeOf(error)
      }
      const list = ring.list().map((each) => Buffer.from(each).toString('hex'))
      must(list.length <= 16 && new Set(list).size === list.length, 'keys twice or too many')
      if (known[0] !== undefined) must(list.includes(known[0]), 'the primary key went away')
      known.splice(0, known.length, ...list)
    }
    return outcome === '' ? 'kept' : outcome
  }

  #snapshot(bytes: Uint8Array): string {
    const content = parseSnapshot(Buffer.from(bytes).toString('latin1'), 'blue', 1_700_000_000_000)
    if (content.type === 'foreign') return 'foreign'
    for (const { address, name, seenAt } of content.peers) {
      must(encoder.encode(name).length <= NAME_BYTES_MAX && name !== '', 'a name out of bounds')
      must(address.port >= 1 && address.port <= 65_535, 'a port out of bounds')
      must(seenAt <= 1_700_000_000_000, 'seen in the future')
    }
    return `${content.peers.length} peers, ${content.badLines} bad lines`
  }
}

function checkBounds(message: Message): void {
  if (message.type === 'user') {
    must(message.payload.length <= PACKET_INFLATED_BYTES_MAX, 'a user message beyond its bound')
    return
  }
  for (const value of Object.values(message)) {
    if (typeof value === 'string') {
      const mayBeLong = 3 * value.length > NAME_BYTES_MAX
      must(!mayBeLong || encoder.encode(value).length <= NAME_BYTES_MAX, 'a name out of bounds')
      must(!SURROGATE.test(value), 'a name that is not text')
    }
  }
  if (message.type === 'suspect' || message.type === 'dead') must(message.node !== '', 'no name')
  if (message.type === 'alive') checkMember({ name: message.node, ...message })
}

function checkMember(member: {
  readonly name: string
  readonly address: Uint8Array
  readonly meta: Uint8Array
  readonly port: number
  readonly versions: Uint8Array
}): void {
  must(member.name !== '', 'no name')
  must(member.meta.length <= META_BYTES_MAX, 'metadata out of bounds')
  must(member.address.length === 4 || member.address.length === 16, 'an address out of bounds')
  must(member.versions.length === 6, 'versions that would crash a Go peer')
  must(member.port <= 65_535, 'a port out of bounds')
}

function checkStreamBounds(message: StreamMessage): void {
  if (message.type !== 'push-pull') return
  const { refused, refusedCount, state } = message
  must(state.nodes.length + refusedCount <= ROWS_MAX, 'more rows than are read')
  must(refused.length === Math.min(refusedCount, REFUSED_ROWS_KEPT_MAX), 'refused rows miscounted')
  for (const node of state.nodes) checkMember(node)
}

/** Cuts as the bytes themselves decide, so that an input alone tells how it was cut. */
function chunksOf(bytes: Uint8Array): Uint8Array[] {
  const draw = new Draw(bytes.length, bytes[bytes.length >> 1] ?? 0)
  const largest = draw.pick(bytes.length < 300 ? [1, 3, 16, 200] : [64, 200, 1400])
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = 1 + draw.below(largest)
    chunks.push(bytes.subarray(at, at + length))
    at += length
  }
  return chunks
}
