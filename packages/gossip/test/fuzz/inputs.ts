import { WireError } from '../../src/wire/errors.ts'
import { deflate } from '../../src/wire/lzw.ts'
import { MESSAGE_TYPE } from '../../src/wire/message-codec.ts'
import { LAMPORT_TIME_MAX } from '../../src/wire/serf.ts'
import type { RefusedRow } from '../../src/wire/stream-message.ts'
import { ByteWriter, concat } from './byte-writer.ts'
import { CONTEXT_NAMES, type ContextName, isStrict, ROWS_MAX } from './contexts.ts'
import type { Draw } from './draw.ts'
import { compound, pack, wrapBadly, wrapPacket, wrapStream } from './envelopes.ts'
import { Grammar, run, uint, type Written } from './grammar.ts'
import { LooseMsgpack } from './loose-msgpack.ts'
import type { Input } from './oracles.ts'
import { atALimit, compressed, singleFault } from './single-faults.ts'
import { streamSummary, summary } from './summary.ts'

/*
 * Inputs by their structure: right in every form that peers may use, right but for one thing, harmed anywhere, or bombs.
 */
const HARMS = [4, 16, 64] as const
const encoder = new TextEncoder()

export function makeInput(draw: Draw): Input {
  const context = draw.pick(CONTEXT_NAMES)
  const kind = draw.below(20)
  if (kind < 4) return validPacket(draw, context)
  if (kind < 6) return faultyPacket(draw, context)
  if (kind < 9) return harmedPacket(draw, context)
  if (kind < 13) return validStream(draw, context)
  if (kind < 16) return harmedStream(draw, context)
  if (kind === 16) return lzw(draw)
  if (kind === 17) return tags(draw)
  if (kind === 18) return serf(draw)
  if (draw.oneIn(2)) return { ...other('keyring', draw.bytes(draw.below(40))) }
  return draw.oneIn(40) ? bomb(draw, context) : snapshot(draw)
}

const other = (target: Input['target'], bytes: Uint8Array): Input => ({
  target,
  context: 'plain',
  bytes,
  isAuthentic: false,
})

function validPacket(draw: Draw, context: ContextName): Input {
  const grammar = new Grammar(draw, 0)
  if (draw.oneIn(8)) {
    const bytes = wrapPacket(draw, context, atALimit(grammar))
    return { target: 'packet', context, bytes, isAuthentic: true }
  }
  const count = draw.oneIn(40) ? 255 : 1 + draw.below(4)
  const written = Array.from({ length: count }, () => grammar.message())
  const command = pack(
    draw,
    written.map(({ bytes }) => bytes),
  )
  return {
    target: 'packet',
    context,
    bytes: wrapPacket(draw, context, command),
    expected: written.map(({ meaning }) => summary(meaning)).join(' | '),
    isAuthentic: true,
  }
}

function faultyPacket(draw: Draw, context: ContextName): Input {
  const grammar = new Grammar(draw, 0)
  if (draw.oneIn(3)) {
    const { bytes, code } = wrapBadly(draw, context, grammar.message().bytes)
    return { target: 'packet', context, bytes, expected: code, isAuthentic: false }
  }
  const { bytes, code } = singleFault(grammar)
  if (code === 'WIRE_DEPTH_EXCEEDED' || draw.oneIn(2)) {
    const wrapped = wrapPacket(draw, context, bytes)
    return { target: 'packet', context, bytes: wrapped, expected: code, isAuthentic: true }
  }
  // A bad part does not spoil its neighbours.
  const [left, right] = [grammar.ping(), grammar.ack()]
  const command = compound([left.bytes, bytes, right.bytes])
  return {
    target: 'packet',
    context,
    bytes: wrapPacket(draw, context, command),
    expected: [summary(left.meaning), summary(right.meaning), code].join(' | '),
    isAuthentic: true,
  }
}

function harmedPacket(draw: Draw, context: ContextName): Input {
  const grammar = new Grammar(draw, draw.pick(HARMS))
  const commands = Array.from({ length: 1 + draw.below(3) }, () => grammar.message().bytes)
  const command = draw.oneIn(4) ? mutate(draw, pack(draw, commands)) : pack(draw, commands)
  const whole = wrapPacket(draw, context, command)
  if (!draw.oneIn(3)) return { target: 'packet', context, bytes: whole, isAuthentic: true }
  const bytes = mutate(draw, whole)
  return { target: 'packet', context, bytes, isAuthentic: isSealedAlike(bytes, whole) }
}

/**
 * True when a key of the ring has sealed these bytes too. The format does not seal the version byte of an envelope, so
 * that one may differ.
 */
export function isSealedAlike(bytes: Uint8Array, whole: Uint8Array): boolean {
  if (bytes.length !== whole.length) return false
  let differing = 0
  for (let at = 0; at < bytes.length; at += 1) {
    const [one = 0, other = 0] = [bytes[at], whole[at]]
    if (one === other) continue
    differing += 1
    if (differing > 1 || one > 1 || other > 1) return false
  }
  return true
}

/** The plain form of a stream message. */
function streamBody(draw: Draw, grammar: Grammar, harm: number): Written<string> {
  const kind = draw.below(6)
  if (kind === 0) {
    const { bytes, meaning } = grammar.ping()
    return { bytes, meaning: summary(meaning) }
  }
  if (kind === 1) {
    const { bytes, meaning } = grammar.ack()
    return { bytes, meaning: summary(meaning) }
  }
  if (kind === 2) {
    const payload = draw.bytes(draw.length(300))
    const head = grammar.write(MESSAGE_TYPE.user, [uint('UserMsgLen', payload.length)])
    const meaning = streamSummary({ type: 'user', payload })
    return { bytes: concat(head, payload), meaning }
  }
  if (kind === 3) {
    const text = draw.pick(['no', 'remote error', 'ä'])
    const bytes = grammar.write(MESSAGE_TYPE.error, [run('Error', 'string', encoder.encode(text))])
    return { bytes, meaning: streamSummary({ type: 'error', text }) }
  }
  return pushPull(draw, grammar, harm)
}

function pushPull(draw: Draw, grammar: Grammar, harm: number): Written<string> {
  const rows = Array.from({ length: draw.oneIn(12) ? ROWS_MAX : draw.below(4) }, () =>
    grammar.row(),
  )
  const userState = draw.bytes(draw.length(100))
  const join = draw.oneIn(2)
  const lie = harm > 0 && draw.oneIn(6) ? draw.pick([-1, 1, ROWS_MAX, 2 ** 20]) : 0
  const head = grammar.write(MESSAGE_TYPE.pushPull, [
    { key: 'Join', kind: 'bool', value: join },
    uint('Nodes', Math.max(0, rows.length + lie)),
    uint('UserStateLen', userState.length),
  ])
  const written = rows.map(({ bytes }) => bytes)
  const state = { join, nodes: rows.map(({ meaning }) => meaning), userState }
  const refused: RefusedRow[] = []
  if (harm === 0 && rows.length > 0 && draw.oneIn(4)) {
    // One row without a name, which costs only itself.
    const index = draw.below(rows.length)
    written[index] = Uint8Array.of(0x80)
    state.nodes.splice(index, 1)
    refused.push({ index, error: new WireError('WIRE_NAME') })
  }
  const told = { type: 'push-pull', state, refused, refusedCount: refused.length } as const
  return { bytes: concat(head, ...written, userState), meaning: streamSummary(told) }
}

function validStream(draw: Draw, context: ContextName): Input {
  const target = draw.pick(['acceptor', 'dialer'] as const)
  const { bytes: body, meaning } = streamBody(draw, new Grammar(draw, 0), 0)
  const bytes = wrapStream(draw, context, body, target === 'acceptor')
  if (!draw.oneIn(3)) return { target, context, bytes, expected: meaning, isAuthentic: true }
  // Whatever is missing, it is waited for.
  const part = bytes.subarray(0, draw.below(bytes.length))
  return { target, context, bytes: part, expected: 'waits', isAuthentic: false }
}

function harmedStream(draw: Draw, context: ContextName): Input {
  const target = draw.pick(['acceptor', 'dialer'] as const)
  if (draw.oneIn(10)) {
    const rows = new Grammar(draw, 0).write(MESSAGE_TYPE.pushPull, [
      uint('Nodes', ROWS_MAX + 1),
      uint('UserStateLen', 1),
    ])
    const bytes = wrapStream(draw, context, rows, target === 'acceptor')
    return { target, context, bytes, expected: 'WIRE_LENGTH_EXCEEDED', isAuthentic: true }
  }
  if (draw.oneIn(8) && (isStrict(context) || context === 'plain')) return misplaced(draw, context)
  const harm = draw.pick(HARMS)
  const { bytes: body } = streamBody(draw, new Grammar(draw, harm), harm)
  const whole = wrapStream(draw, context, body, target === 'acceptor')
  if (!draw.oneIn(3)) return { target, context, bytes: whole, isAuthentic: true }
  const bytes = mutate(draw, whole)
  // Bytes behind the message are nobody's: a stream that only grew still says what it said.
  return { target, context, bytes, isAuthentic: startsAlike(bytes, whole) }
}

/** A stream that only grew. */
export function startsAlike(bytes: Uint8Array, whole: Uint8Array): boolean {
  return isSealedAlike(bytes.subarray(0, whole.length), whole)
}

/** Plain text where there is a key, and sealed where there is none. */
function misplaced(draw: Draw, context: ContextName): Input {
  const { bytes: body } = streamBody(draw, new Grammar(draw, 0), 0)
  const [bytes, expected] = isStrict(context)
    ? [body, 'WIRE_NOT_ENCRYPTED']
    : [wrapStream(draw, 'keyed', body, false), 'WIRE_UNEXPECTED_ENCRYPTED']
  return { target: 'dialer', context, bytes, expected, isAuthentic: false }
}

function lzw(draw: Draw): Input {
  const plain = draw.oneIn(2) ? draw.bytes(draw.below(600)) : repeated(draw)
  const packed = draw.oneIn(6) ? draw.bytes(draw.below(60)) : deflate(plain)
  return other('lzw', draw.oneIn(2) ? packed : mutate(draw, packed))
}

function repeated(draw: Draw): Uint8Array {
  const word = draw.bytes(1 + draw.below(6))
  const times = draw.oneIn(10) ? 800 : draw.below(60)
  return concat(...Array.from({ length: times }, () => word))
}

function tags(draw: Draw): Input {
  const harm = draw.pick([0, 16])
  const out = new ByteWriter()
  const entries = new Map<string, string>()
  for (let left = draw.below(5); left > 0; left -= 1) {
    entries.set(
      draw.pick(['v', 'i', 'role', '__proto__', 'ä', '']),
      draw.pick(['', '1', 'x'.repeat(40)]),
    )
  }
  const writer = new LooseMsgpack(draw, out, harm)
  out.u8(0xff)
  writer.mapHeader(entries.size)
  for (const [key, value] of entries) {
    writer.run(encoder.encode(key), false)
    writer.run(encoder.encode(value), false)
  }
  const bytes = out.take()
  if (harm > 0) return other('tags', draw.oneIn(2) ? mutate(draw, bytes) : bytes)
  return { ...other('tags', bytes), expected: JSON.stringify(Object.fromEntries(entries)) }
}

function serf(draw: Draw): Input {
  const harm = draw.pick([0, 16])
  const type = draw.below(harm > 0 ? 4 : 2)
  const grammar = new Grammar(draw, harm)
  const [name, lTime] = [grammar.name(), grammar.u32()]
  const bytes = grammar.write(type, [
    uint('LTime', lTime),
    run('Node', 'string', encoder.encode(name)),
    { key: 'Prune', kind: 'bool', value: false },
  ])
  if (harm === 0) {
    return {
      ...other('serf', bytes),
      expected: `${type === 0 ? 'leave' : 'join'} ${lTime} ${name}`,
    }
  }
  if (!draw.oneIn(3)) return other('serf', bytes)
  const out = new ByteWriter()
  out.u8(2, 0x81, 0xa5)
  out.raw(encoder.encode('LTime'))
  out.u8(0xcf)
  out.uint(Number(LAMPORT_TIME_MAX >> 12n), 8)
  return other('serf', mutate(draw, out.take()))
}

function snapshot(draw: Draw): Input {
  const peer = JSON.stringify({
    name: draw.pick(['a', '', 'ä', 'x'.repeat(513)]),
    address: draw.pick([
      '10.0.0.1:7946',
      '[::1]:1',
      '10.0.0.1:0',
      '[::1',
      'host:1',
      '1.2.3.4:65536',
    ]),
    seen: draw.pick(['2026-01-31T12:00:00.000Z', 'never', '9999-01-01T00:00:00Z', 7, null]),
  })
  const head = JSON.stringify({
    snapshot: 'gossip-peers',
    version: draw.oneIn(8) ? 2 : 1,
    label: draw.oneIn(8) ? 'red' : 'blue',
  })
  const text = [head, ...Array.from({ length: draw.below(5) }, () => peer)].join('\n')
  const bytes = encoder.encode(text)
  return other('snapshot', draw.oneIn(2) ? mutate(draw, bytes) : bytes)
}

/** Small packets that would become large. */
function bomb(draw: Draw, context: ContextName): Input {
  const zeros = compressed(new Uint8Array(draw.pick([262_143, 262_144, 400_000])))
  const nacks = Array.from({ length: 255 }, () => Uint8Array.of(MESSAGE_TYPE.nack, 0x80))
  const command = draw.pick([
    () => zeros,
    () => compound([zeros, zeros]),
    () => compound(Array.from({ length: 6 }, () => compound(nacks))),
    () => compound(Array.from({ length: 255 }, () => Uint8Array.of(draw.u32()))),
  ])()
  return { target: 'packet', context, bytes: wrapPacket(draw, context, command), isAuthentic: true }
}

const INTERESTING = [0, 1, 0x7f, 0x80, 0xa0, 0xc0, 0xc1, 0xc4, 0xd9, 0xdc, 0xde, 0xdf, 0xff]

/** One to three changes of the bytes, without regard to what they mean. */
export function mutate(draw: Draw, source: Uint8Array): Uint8Array {
  let bytes = source
  for (let left = 1 + draw.below(3); left > 0; left -= 1) bytes = change(draw, bytes)
  return bytes
}

function change(draw: Draw, bytes: Uint8Array): Uint8Array {
  const at = draw.below(bytes.length + 1)
  const length = draw.length(16)
  switch (draw.below(6)) {
    case 0:
      return bytes.slice(0, at)
    case 1:
      return concat(bytes.subarray(0, at), draw.bytes(length), bytes.subarray(at))
    case 2:
      return concat(bytes.subarray(0, at), bytes.subarray(at + length))
    case 3:
      // A piece of itself, elsewhere.
      return concat(bytes.subarray(0, at), bytes.subarray(draw.below(bytes.length + 1)))
    default: {
      const copy = bytes.slice()
      const spot = draw.below(copy.length)
      if (copy.length > 0) {
        copy[spot] = draw.oneIn(2)
          ? draw.pick(INTERESTING)
          : (copy[spot] ?? 0) ^ (1 << draw.below(8))
      }
      return copy
    }
  }
}
