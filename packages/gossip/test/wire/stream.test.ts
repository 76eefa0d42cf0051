import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compress } from '../../src/wire/compression.ts'
import { WireError, type WireErrorCode } from '../../src/wire/errors.ts'
import { Keyring } from '../../src/wire/keyring.ts'
import { labelHeader } from '../../src/wire/label.ts'
import {
  REFUSED_ROWS_KEPT_MAX,
  REFUSED_ROWS_MAX,
  STATE_ROW_BYTES_MAX,
  STREAM_INFLATED_BYTES_MAX,
} from '../../src/wire/limits.ts'
import { NEED_MORE } from '../../src/wire/stream-body.ts'
import { StreamDecoder, type StreamRole } from '../../src/wire/stream-decoder.ts'
import {
  encodeStream,
  encodeStreamBody,
  type OutgoingStreamMessage,
  type StreamMessage,
} from '../../src/wire/stream-message.ts'
import type { WireContext } from '../../src/wire/wire-context.ts'
import { cut, hex, wireContext } from './bytes.ts'
import { exchanges, messages } from './messages-arbitrary.ts'

const none = new Uint8Array(0)
const key = new Uint8Array(32).fill(9)
const label = new TextEncoder().encode('blue')

function decode(
  chunks: readonly Uint8Array[],
  context: WireContext = wireContext(),
  role: StreamRole = 'dialer',
): StreamMessage | undefined {
  const decoder = new StreamDecoder(context, role)
  for (const chunk of chunks) {
    decoder.push(chunk)
    const message = decoder.next()
    if (message !== NEED_MORE) return message
  }
  return undefined
}

function codeOf(bytes: Uint8Array, context?: WireContext, role?: StreamRole) {
  try {
    decode([bytes], context, role)
  } catch (error) {
    if (error instanceof WireError) return error.code
    throw error
  }
  return undefined
}

const streamMessages: fc.Arbitrary<OutgoingStreamMessage> = fc.oneof(
  exchanges.map((state) => ({ type: 'push-pull' as const, state })),
  fc.uint8Array({ maxLength: 2_000 }).map((payload) => ({ type: 'user' as const, payload })),
  fc.string({ unit: 'binary', maxLength: 100 }).map((text) => ({ type: 'error' as const, text })),
  messages.filter((message) => message.type === 'ping' || message.type === 'ack'),
)

const contexts = fc
  .record({
    label: fc.uint8Array({ maxLength: 255 }),
    isKeyed: fc.boolean(),
    encryptionVersion: fc.constantFrom(0 as const, 1 as const),
    compression: fc.boolean(),
  })
  .map(({ isKeyed, ...rest }) =>
    wireContext({ ...rest, keyring: new Keyring(isKeyed ? [key] : []) }),
  )

const withoutRefused = (message: StreamMessage | undefined) =>
  message?.type === 'push-pull' ? { type: message.type, state: message.state } : message

describe('streams', () => {
  it('decode to what was sent, however they are cut', () => {
    fc.assert(
      fc.property(
        streamMessages,
        contexts,
        fc.boolean(),
        fc.array(fc.integer({ min: 1, max: 97 }), { maxLength: 40 }),
        (message, context, isRequest, lengths) => {
          const body = encodeStream(message, context)
          const header = isRequest ? labelHeader(context.label) : none
          const bytes = Uint8Array.of(...header, ...body, 0xff)
          const role = isRequest ? 'acceptor' : 'dialer'
          expect(withoutRefused(decode(cut(bytes, lengths), context, role))).toEqual(message)
        },
      ),
    )
  })

  it('byte by byte they ask for more until the last byte', () => {
    fc.assert(
      fc.property(streamMessages, contexts, (message, context) => {
        const bytes = encodeStream(message, context)
        const decoder = new StreamDecoder(context, 'dialer')
        for (let at = 0; at < bytes.length - 1; at += 1) {
          decoder.push(bytes.subarray(at, at + 1))
          expect(decoder.next()).toBe(NEED_MORE)
        }
        decoder.push(bytes.subarray(bytes.length - 1))
        expect(decoder.next()).not.toBe(NEED_MORE)
        expect(decoder.next()).toBe(NEED_MORE)
      }),
      { numRuns: 40 },
    )
  })

  it('random and changed bytes bring a WireError, a message or more waiting', () => {
    fc.assert(
      fc.property(
        streamMessages,
        contexts,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.uint8Array({ maxLength: 200 }),
        (message, context, flips, noise) => {
          const bytes = encodeStream(message, context)
          for (const [position, value] of flips) bytes[position % bytes.length] = value
          codeOf(bytes, context)
          codeOf(noise, context, 'acceptor')
        },
      ),
      { numRuns: 500 },
    )
  })

  it('a header alone never makes the decoder hold more than what arrived', () => {
    const decoder = new StreamDecoder(wireContext(), 'dialer')
    decoder.push(hex('08 81 aa557365724d73674c656e ce01400000'))
    expect(decoder.next()).toBe(NEED_MORE)
    expect(decoder.bufferedBytes).toBe(0)
    decoder.push(new Uint8Array(10))
    expect(decoder.next()).toBe(NEED_MORE)
    expect(decoder.bufferedBytes).toBe(10)
  })

  it.each([
    ['a user message', '08 81 aa557365724d73674c656e', 'ce01400000', 'ce01400001'],
    [
      'user state',
      '06 83 a44a6f696ec2 a54e6f64657300 ac5573657253746174654c656e',
      'ce01400000',
      'ce01400001',
    ],
    [
      'rows',
      '06 83 a44a6f696ec2 ac5573657253746174654c656e00 a54e6f646573',
      'ce00100000',
      'ce00100001',
    ],
    [
      'negative rows',
      '06 83 a44a6f696ec2 ac5573657253746174654c656e00 a54e6f646573',
      '01',
      'd1ffff',
    ],
  ])(
    '%s at the limit of its length is waited for, one past it is refused',
    (_, head, most, beyond) => {
      expect(codeOf(hex(head + most))).toBeUndefined()
      expect(codeOf(hex(head + beyond))).toBe('WIRE_FIELD')
    },
  )

  it('an encrypted frame at the limit is waited for, one past it is refused at once', () => {
    const context = wireContext({ keyring: new Keyring([key]) })
    expect(codeOf(hex('0a 01400000'), context)).toBeUndefined()
    expect(codeOf(hex('0a 01400001'), context)).toBe('WIRE_LENGTH_EXCEEDED')
    expect(codeOf(hex('0a 0000001c'), context)).toBe('WIRE_ENCRYPTION')
  })

  it('a compressed message at the limit is waited for, one past it is refused at once', () => {
    expect(codeOf(hex('09 82 a4416c676f00 a3427566 db01400000'))).toBeUndefined()
    expect(codeOf(hex('09 82 a4416c676f00 a3427566 db02000000'))).toBe('WIRE_LENGTH_EXCEEDED')
  })

  it('what a compressed message expands to is bounded', () => {
    // The last code of this LZW bomb would cross the limit; everything before it is cheap to hold.
    const bomb = compress(new Uint8Array(STREAM_INFLATED_BYTES_MAX + 1))
    expect(bomb.length).toBeLessThan(200_000)
    expect(codeOf(bomb)).toBe('WIRE_LENGTH_EXCEEDED')
  })

  it.each<[string, string, WireErrorCode]>([
    [
      'nothing inside a compressed message',
      '09 82 a4416c676f00 a3427566 a3000302',
      'WIRE_COMPRESSION',
    ],
    ['another algorithm', '09 82 a4416c676f07 a3427566 a3000302', 'WIRE_COMPRESSION'],
    [
      'a compressed half of a message',
      '09 82 a4416c676f00 a3427566 a400c30404',
      'WIRE_TYPE_UNKNOWN',
    ],
    ['a type of datagrams', '0b 81 a55365714e6f 02', 'WIRE_TYPE_UNKNOWN'],
    ['a label where none is due', 'f4 01 61', 'WIRE_TYPE_UNKNOWN'],
    ['a frame without a key', '0a 00000030', 'WIRE_UNEXPECTED_ENCRYPTED'],
    ['an array instead of a map', '06 93 c2 00 00', 'WIRE_FORMAT'],
  ])('%s is refused', (_, bytes, code) => {
    expect(codeOf(hex(bytes))).toBe(code)
  })

  it('a message cut inside its envelope is refused, not waited for', () => {
    const body = encodeStreamBody({ type: 'user', payload: new Uint8Array(50) })
    expect(codeOf(compress(body.subarray(0, -1)))).toBe('WIRE_TRUNCATED')
    expect(codeOf(compress(body.subarray(0, 1)))).toBe('WIRE_TRUNCATED')
  })

  it('plain text is refused where there is a key, unless a migration allows it', () => {
    const plain = encodeStream({ type: 'ack', seq: 1, payload: none }, wireContext())
    const keyring = new Keyring([key])
    expect(codeOf(plain, wireContext({ keyring }))).toBe('WIRE_NOT_ENCRYPTED')
    expect(codeOf(plain, wireContext({ keyring, verifyIncoming: false }))).toBeUndefined()
  })

  it('only the dialer writes a label and the acceptor insists on it', () => {
    const context = wireContext({ label })
    const body = encodeStream({ type: 'ack', seq: 1, payload: none }, context)
    const request = Uint8Array.of(...labelHeader(label), ...body)
    expect(codeOf(body, context, 'acceptor')).toBe('WIRE_LABEL')
    expect(codeOf(request, wireContext(), 'acceptor')).toBe('WIRE_LABEL')
    expect(codeOf(hex('f4 04 67726179'), context, 'acceptor')).toBe('WIRE_LABEL')
    expect(decode([request], context, 'acceptor')).toMatchObject({ type: 'ack', seq: 1 })
    expect(decode([body], context, 'dialer')).toMatchObject({ type: 'ack', seq: 1 })
  })
})

describe('rows of a push/pull', () => {
  const head = (rows: string) =>
    `06 83 a44a6f696ec2 a54e6f646573${rows} ac5573657253746174654c656e00`
  const good =
    '86 a441646472 a47f000001 a44e616d65 a161 a4506f7274 01 a55374617465 00 a356736e a6010502000000 a17a c0'
  const exchange = (bytes: Uint8Array) => {
    const message = decode([bytes])
    if (message?.type !== 'push-pull') throw new Error('no exchange')
    return message
  }

  it.each<[string, string, WireErrorCode]>([
    ['no name', good.replace('a161', 'a0'), 'WIRE_NAME'],
    ['a bad name', good.replace('a161', 'a180'), 'WIRE_UTF8'],
    ['a short address', good.replace('a47f000001', 'a37f0000'), 'WIRE_ADDRESS'],
    ['short versions', good.replace('a6010502000000', 'a3010502'), 'WIRE_VERSIONS'],
    ['a state of the future', good.replace('5374617465 00', '5374617465 04'), 'WIRE_FIELD'],
  ])('one with %s is left out, and the others count', (_, bad, code) => {
    const { state, refused, refusedCount } = exchange(hex(head('03') + good + bad + good))
    expect(state.nodes.map(({ name }) => name)).toEqual(['a', 'a'])
    expect([refusedCount, refused.map(({ index, error }) => [index, error.code])]).toEqual([
      1,
      [[1, code]],
    ])
  })

  it('the first refused rows are kept for the log, all are counted, too many end the exchange', () => {
    const rows = (count: number) =>
      hex(`${head(`cd${count.toString(16).padStart(4, '0')}`)}${'80'.repeat(count)}`)
    const { refused, refusedCount } = exchange(rows(REFUSED_ROWS_MAX))
    expect([refusedCount, refused.length]).toEqual([REFUSED_ROWS_MAX, REFUSED_ROWS_KEPT_MAX])
    expect(codeOf(rows(REFUSED_ROWS_MAX + 1))).toBe('WIRE_LENGTH_EXCEEDED')
  })

  it('as many rows as the reader allows are waited for, one more is refused at once', () => {
    const context = wireContext({ stateRowsMax: 2 })
    expect(codeOf(hex(head('02')), context)).toBeUndefined()
    expect(codeOf(hex(head('03')), context)).toBe('WIRE_LENGTH_EXCEEDED')
  })

  it('a row at its limit of bytes is read and one past it is refused', () => {
    const fill = (bytes: number) => `c5${bytes.toString(16).padStart(4, '0')}${'00'.repeat(bytes)}`
    const fixed = hex(good).length - 1 + 3
    const row = (bytes: number) => hex(head('01') + good.replace(/c0$/, fill(bytes - fixed)))
    expect(exchange(row(STATE_ROW_BYTES_MAX)).state.nodes).toHaveLength(1)
    expect(codeOf(row(STATE_ROW_BYTES_MAX + 1))).toBe('WIRE_LENGTH_EXCEEDED')
  })
})
