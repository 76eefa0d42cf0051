import type { Message, NodeState } from '../../src/core/messages.ts'
import { META_BYTES_MAX, NAME_BYTES_MAX } from '../../src/wire/limits.ts'
import { MESSAGE_TYPE } from '../../src/wire/message-codec.ts'
import { ByteWriter } from './byte-writer.ts'
import type { Draw } from './draw.ts'
import { type Field, LooseMsgpack } from './loose-msgpack.ts'

/** Bytes, and what they mean if nothing in them was harmed. */
export interface Written<T> {
  readonly bytes: Uint8Array
  readonly meaning: T
}

const encoder = new TextEncoder()
const ACK_BYTES = 200
const STATES = ['alive', 'suspect', 'dead', 'left'] as const
const NAMES = ['a', 'node-1', 'ä', '名前', '😀', '\uFEFFbom', 'x'.repeat(31), 'y'.repeat(32)]

/** Writes what memberlist's peers say; `harm` as in `LooseMsgpack`. */
export class Grammar {
  readonly draw: Draw
  readonly #harm: number

  constructor(draw: Draw, harm: number) {
    this.draw = draw
    this.#harm = harm
  }

  #harms(): boolean {
    return this.#harm > 0 && this.draw.oneIn(this.#harm)
  }

  /** A name of 1 to 512 bytes. */
  name(): string {
    if (this.draw.oneIn(12)) return 'n'.repeat(1 + this.draw.length(NAME_BYTES_MAX - 1))
    return this.draw.pick(NAMES)
  }

  #nameBytes(name: string): Uint8Array {
    if (!this.#harms()) return encoder.encode(name)
    return this.draw.pick([
      Uint8Array.of(0xc3, 0x28),
      Uint8Array.of(0xed, 0xa0, 0x80),
      new Uint8Array(0),
      new Uint8Array(NAME_BYTES_MAX + 1).fill(0x61),
    ])
  }

  #fixed(length: number): Uint8Array {
    const off = this.#harms() ? this.draw.pick([-1, 1, -length, 12]) : 0
    return this.draw.bytes(Math.max(0, length + off))
  }

  address(): Uint8Array {
    return this.#fixed(this.draw.oneIn(3) ? 16 : 4)
  }

  #versions(): Uint8Array {
    return this.#fixed(6)
  }

  u32(): number {
    return this.draw.pick([0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, this.draw.u32()])
  }

  u16(): number {
    return this.draw.pick([0, 1, 7946, 255, 65_535])
  }

  #meta(): Uint8Array {
    return this.draw.bytes(this.draw.length(META_BYTES_MAX + (this.#harms() ? 1 : 0)))
  }

  #number(value: number): number {
    return this.#harms() ? this.draw.pick([2 ** 32, 65_536, 256, 2 ** 53 - 1]) : value
  }

  write(type: number | undefined, fields: readonly Field[], tail = 0): Uint8Array {
    const out = new ByteWriter()
    if (type !== undefined) out.u8(this.#harms() ? this.draw.below(256) : type)
    new LooseMsgpack(this.draw, out, this.#harm).record(fields)
    if (tail > 0) out.raw(this.draw.bytes(tail))
    return out.take()
  }

  /** One command of a datagram. Bytes behind its map are ignored, as Go ignores them. */
  message(): Written<Message> {
    const tail = this.draw.oneIn(10) ? this.draw.below(6) : 0
    switch (this.draw.below(8)) {
      case 0:
        return this.ping(tail)
      case 1:
        return this.#indirectPing(tail)
      case 2:
        return this.ack(tail)
      case 3: {
        const seq = this.u32()
        const bytes = this.write(MESSAGE_TYPE.nack, [uint('SeqNo', this.#number(seq))], tail)
        return { bytes, meaning: { type: 'nack', seq } }
      }
      case 4:
      case 5:
        return this.#accusation(tail)
      case 6:
        return this.#alive(tail)
      default: {
        const payload = this.draw.bytes(this.draw.length(60))
        const out = new ByteWriter()
        out.u8(MESSAGE_TYPE.user)
        out.raw(payload)
        return { bytes: out.take(), meaning: { type: 'user', payload } }
      }
    }
  }

  #source(): { readonly fields: Field[]; readonly meaning: object } {
    if (this.draw.oneIn(2)) return { fields: [], meaning: {} }
    const [sourceAddress, sourceNode] = [this.address(), this.name()]
    const sourcePort = 1 + this.draw.below(65_535)
    return {
      fields: [
        run('SourceAddr', 'bytes', sourceAddress),
        run('SourceNode', 'string', this.#nameBytes(sourceNode)),
        uint('SourcePort', this.#number(sourcePort)),
      ],
      meaning: { sourceAddress, sourceNode, sourcePort },
    }
  }

  ping(tail = 0): Written<Message> {
    const [node, seq, source] = [this.name(), this.u32(), this.#source()]
    const fields = [run('Node', 'string', this.#nameBytes(node)), uint('SeqNo', this.#number(seq))]
    const bytes = this.write(MESSAGE_TYPE.ping, [...fields, ...source.fields], tail)
    return { bytes, meaning: { type: 'ping', seq, node, ...source.meaning } }
  }

  #indirectPing(tail: number): Written<Message> {
    const [node, seq, port, target] = [this.name(), this.u32(), this.u16(), this.address()]
    const [nack, source] = [this.draw.oneIn(2), this.#source()]
    const bytes = this.write(
      MESSAGE_TYPE.indirectPing,
      [
        { key: 'Nack', kind: 'bool', value: nack },
        run('Node', 'string', this.#nameBytes(node)),
        uint('Port', this.#number(port)),
        uint('SeqNo', this.#number(seq)),
        ...source.fields,
        run('Target', 'bytes', target),
      ],
      tail,
    )
    const meaning = { type: 'indirect-ping', seq, target, port, node, nack } as const
    return { bytes, meaning: { ...meaning, ...source.meaning } }
  }

  ack(tail = 0): Written<Message> {
    const [payload, seq] = [this.draw.bytes(this.draw.length(ACK_BYTES)), this.u32()]
    const fields = [run('Payload', 'bytes', payload), uint('SeqNo', this.#number(seq))]
    return {
      bytes: this.write(MESSAGE_TYPE.ack, fields, tail),
      meaning: { type: 'ack', seq, payload },
    }
  }

  #accusation(tail: number): Written<Message> {
    const type = this.draw.pick(['suspect', 'dead'] as const)
    const [from, node, incarnation] = [this.name(), this.name(), this.u32()]
    const fields = [
      run('From', 'string', this.#nameBytes(from)),
      uint('Incarnation', this.#number(incarnation)),
      run('Node', 'string', this.#nameBytes(node)),
    ]
    return {
      bytes: this.write(MESSAGE_TYPE[type], fields, tail),
      meaning: { type, incarnation, node, from },
    }
  }

  #alive(tail: number): Written<Message> {
    const { fields, meaning } = this.#member('Node')
    const { name: node, ...more } = meaning
    return {
      bytes: this.write(MESSAGE_TYPE.alive, fields, tail),
      meaning: { type: 'alive', node, ...more },
    }
  }

  #member(nameKey: 'Node' | 'Name') {
    const [name, address, meta, versions] = [
      this.name(),
      this.address(),
      this.#meta(),
      this.#versions(),
    ]
    const [incarnation, port] = [this.u32(), this.u16()]
    const fields: Field[] = [
      run('Addr', 'bytes', address),
      uint('Incarnation', this.#number(incarnation)),
      run('Meta', 'bytes', meta),
      run(nameKey, 'string', this.#nameBytes(name)),
      uint('Port', this.#number(port)),
      run('Vsn', 'bytes', versions),
    ]
    return { fields, meaning: { name, address, meta, versions, incarnation, port } }
  }

  /** One row of a push/pull. */
  row(): Written<NodeState> {
    const { fields, meaning } = this.#member('Name')
    const index = this.draw.below(4)
    const state = this.#harms() ? 4 + this.draw.below(252) : index
    const bytes = this.write(undefined, [...fields, uint('State', state)])
    return { bytes, meaning: { ...meaning, state: STATES[index] ?? 'alive' } }
  }
}

export function run(key: string, kind: 'string' | 'bytes', value: Uint8Array): Field {
  return { key, kind, value }
}

export function uint(key: string, value: number): Field {
  return { key, kind: 'uint', value }
}
