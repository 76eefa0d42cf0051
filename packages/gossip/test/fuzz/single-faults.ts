import type { WireErrorCode } from '../../src/wire/errors.ts'
import {
  MAP_VALUES_MAX,
  META_BYTES_MAX,
  NAME_BYTES_MAX,
  NESTING_DEPTH_MAX,
} from '../../src/wire/limits.ts'
import { deflate } from '../../src/wire/lzw.ts'
import { MESSAGE_TYPE } from '../../src/wire/message-codec.ts'
import { ByteWriter, concat } from './byte-writer.ts'
import { type Grammar, run, uint } from './grammar.ts'
import type { Field } from './loose-msgpack.ts'

/** A command that is right but for one thing, and the code that it has to be refused with. */
export interface SingleFault {
  readonly bytes: Uint8Array
  readonly code: WireErrorCode
}

const encoder = new TextEncoder()
const name = (text: string) => run('Node', 'string', encoder.encode(text))
const bytesOf = (length: number) => new Uint8Array(length).fill(0x62)

function aliveWith(grammar: Grammar, changed: Field): Uint8Array {
  const fields = [
    run('Addr', 'bytes', bytesOf(4)),
    uint('Incarnation', 7),
    run('Meta', 'bytes', bytesOf(3)),
    name('a'),
    uint('Port', 7946),
    run('Vsn', 'bytes', bytesOf(6)),
  ]
  // Written strictly: a fault that is left out, or overwritten, would be none.
  const out = new ByteWriter()
  out.u8(MESSAGE_TYPE.alive, 0x80 | fields.length)
  for (const field of fields) {
    const { key, kind, value } = field.key === changed.key ? changed : field
    out.u8(0xa0 | key.length)
    out.raw(encoder.encode(key))
    if (kind === 'uint') {
      out.u8(0xce)
      out.uint(value, 4)
    } else if (kind !== 'bool') {
      out.u8(grammar.draw.oneIn(2) ? 0xda : 0xc5)
      out.uint(value.length, 2)
      out.raw(value)
    }
  }
  return out.take()
}

type Make = (grammar: Grammar) => SingleFault

const alive =
  (code: WireErrorCode, change: (grammar: Grammar) => Field): Make =>
  (grammar) => ({ code, bytes: aliveWith(grammar, change(grammar)) })

const nest = (plain: Uint8Array): Uint8Array =>
  concat(Uint8Array.of(MESSAGE_TYPE.compound, 1, plain.length >>> 8, plain.length & 0xff), plain)

export function compressed(plain: Uint8Array, algorithm = 0): Uint8Array {
  const packed = deflate(plain)
  const out = new ByteWriter()
  out.u8(MESSAGE_TYPE.compress, 0x82)
  out.raw(key('Algo'))
  out.u8(algorithm)
  out.raw(key('Buf'))
  out.u8(0xdb)
  out.uint(packed.length, 4)
  out.raw(packed)
  return out.take()
}

function key(text: string): Uint8Array {
  return concat(Uint8Array.of(0xa0 | text.length), encoder.encode(text))
}

/** A map with one unknown key whose value holds `values` values, the outer one included. */
function manyValues(values: number): Uint8Array {
  const out = new ByteWriter()
  out.u8(MESSAGE_TYPE.nack, 0x81)
  out.raw(key('Many'))
  out.u8(0xdc)
  out.uint(values - 1, 2)
  out.raw(new Uint8Array(values - 1).fill(0xc0))
  return out.take()
}

/** Broken in one place each; both sides of every limit are here, one past it as a fault. */
const FAULTS: readonly Make[] = [
  alive('WIRE_NAME', () => name('')),
  alive('WIRE_ADDRESS', ({ draw }) =>
    run('Addr', 'bytes', bytesOf(draw.pick([0, 1, 3, 5, 6, 15]))),
  ),
  alive('WIRE_LENGTH_EXCEEDED', () => run('Addr', 'bytes', bytesOf(17))),
  alive('WIRE_VERSIONS', ({ draw }) => run('Vsn', 'bytes', bytesOf(draw.below(6)))),
  alive('WIRE_LENGTH_EXCEEDED', () => run('Vsn', 'bytes', bytesOf(7))),
  alive('WIRE_LENGTH_EXCEEDED', () => run('Meta', 'bytes', bytesOf(META_BYTES_MAX + 1))),
  alive('WIRE_LENGTH_EXCEEDED', () => run('Node', 'string', bytesOf(NAME_BYTES_MAX + 1))),
  alive('WIRE_FIELD', () => uint('Port', 65_536)),
  alive('WIRE_UTF8', ({ draw }) =>
    run(
      'Node',
      'string',
      draw.pick([[0xc3, 0x28], [0xed, 0xa0, 0x80], [0xff]].map((b) => Uint8Array.from(b))),
    ),
  ),
  ({ draw }) => {
    // Cut within the map: what is left announces more than it has.
    const whole = concat(Uint8Array.of(MESSAGE_TYPE.nack, 0x81), key('SeqNo'), Uint8Array.of(7))
    return { code: 'WIRE_TRUNCATED', bytes: whole.subarray(0, 1 + draw.below(whole.length - 1)) }
  },
  ({ draw }) => ({
    code: 'WIRE_TYPE_UNKNOWN',
    bytes: concat(Uint8Array.of(draw.pick([6, 10, 13, 14, 200, 255])), draw.bytes(5)),
  }),
  ({ draw }) => ({
    code: 'WIRE_FORMAT',
    bytes: concat(
      Uint8Array.of(MESSAGE_TYPE.ack, draw.pick([0x90, 0xa0, 0xc0, 0x01])),
      draw.bytes(5),
    ),
  }),
  ({ draw }) => {
    // A number below zero, of each width.
    const width = draw.pick([1, 2, 4, 8])
    const negative = concat(Uint8Array.of(0xd0 + Math.log2(width), 0x80), draw.bytes(width - 1))
    const head = Uint8Array.of(MESSAGE_TYPE.nack, 0x81)
    return { code: 'WIRE_FIELD', bytes: concat(head, key('SeqNo'), negative) }
  },
  () => ({ code: 'WIRE_LENGTH_EXCEEDED', bytes: manyValues(MAP_VALUES_MAX + 1) }),
  (grammar) => {
    let bytes = grammar.message().bytes
    for (let depth = 0; depth <= NESTING_DEPTH_MAX; depth += 1) {
      bytes = depth % 2 === 0 || bytes.length === 0 ? nest(bytes) : compressed(bytes)
    }
    return { code: 'WIRE_DEPTH_EXCEEDED', bytes }
  },
  (grammar) => ({
    code: 'WIRE_COMPRESSION',
    bytes: compressed(grammar.message().bytes, 1 + grammar.draw.below(127)),
  }),
  () => ({ code: 'WIRE_COMPRESSION', bytes: compressed(new Uint8Array(0)) }),
  ({ draw }) => {
    // A part that is one byte longer than its compound.
    const part = concat(
      Uint8Array.of(MESSAGE_TYPE.nack, 0x81),
      key('SeqNo'),
      Uint8Array.of(draw.below(128)),
    )
    const length = part.length + 1
    return {
      code: 'WIRE_TRUNCATED',
      bytes: concat(Uint8Array.of(MESSAGE_TYPE.compound, 1, 0, length), part),
    }
  },
  ({ draw }) => ({
    code: 'WIRE_TRUNCATED',
    bytes: concat(Uint8Array.of(MESSAGE_TYPE.compound, 3), draw.bytes(5)),
  }),
]

export function singleFault(grammar: Grammar): SingleFault {
  return grammar.draw.pick(FAULTS)(grammar)
}

/** At a limit, and right: the other side of the faults above. */
export function atALimit(grammar: Grammar): Uint8Array {
  const { draw } = grammar
  return draw.pick([
    () => aliveWith(grammar, run('Meta', 'bytes', bytesOf(META_BYTES_MAX))),
    () => aliveWith(grammar, run('Node', 'string', bytesOf(NAME_BYTES_MAX))),
    () => aliveWith(grammar, run('Addr', 'bytes', bytesOf(16))),
    () => aliveWith(grammar, uint('Port', 65_535)),
    () => manyValues(MAP_VALUES_MAX),
    () => {
      let bytes = grammar.ack().bytes
      for (let depth = 0; depth < NESTING_DEPTH_MAX; depth += 1) bytes = nest(bytes)
      return bytes
    },
  ])()
}
