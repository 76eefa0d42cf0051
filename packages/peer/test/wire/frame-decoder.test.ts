import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { unpackBody } from '../../src/wire/body.ts'
import { encodeFrame, encodeMessage, encodePing, FRAME_KINDS } from '../../src/wire/frame.ts'
import { FrameDecoder } from '../../src/wire/frame-decoder.ts'
import { FRAME_BYTES_MAX, PREHELLO_BYTES_MAX } from '../../src/wire/limits.ts'
import { PeerError } from '../../src/wire/peer-error.ts'
import { concat, cutAt, decodeAll, frameBytes, pack } from './frames.ts'

describe('the frame decoder', () => {
  it('finds the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(
        fc.array(frameBytes, { maxLength: 8 }),
        fc.array(fc.nat(10_000), { maxLength: 12 }),
        (frames, cuts) => {
          const bytes = concat(frames)
          expect(decodeAll(cutAt(bytes, cuts))).toEqual(decodeAll([bytes]))
          expect(decodeAll([bytes])).toHaveLength(frames.length)
        },
      ),
    )
  })

  it('finds the same frames when every byte comes alone', () => {
    fc.assert(
      fc.property(fc.array(frameBytes, { maxLength: 3 }), (frames) => {
        const bytes = concat(frames)
        const single = [...bytes].map((byte) => Uint8Array.of(byte))
        expect(decodeAll(single)).toEqual(decodeAll([bytes]))
      }),
      { numRuns: 30 },
    )
  })

  it('answers mutated bytes with frames or a PeerError, never with anything else', () => {
    fc.assert(
      fc.property(
        fc.array(frameBytes, { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(fc.nat(10_000), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (frames, mutations) => {
          const bytes = concat(frames)
          for (const [at, byte] of mutations) bytes[at % bytes.length] = byte
          try {
            for (const frame of decodeAll([bytes])) if ('body' in frame) unpackBody(frame.body)
          } catch (error) {
            expect(error).toBeInstanceOf(PeerError)
          }
        },
      ),
      { numRuns: 500 },
    )
  })

  it('answers arbitrary bytes with frames or a PeerError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeAll([bytes])
        } catch (error) {
          expect(error).toBeInstanceOf(PeerError)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('takes a frame of exactly the limit and refuses one a byte longer by its length alone', () => {
    const overhead = encodeFrame(FRAME_KINDS.goodbye, new Uint8Array(0)).length
    const largest = encodeFrame(FRAME_KINDS.goodbye, new Uint8Array(PREHELLO_BYTES_MAX - overhead))
    expect(decodeAll([largest], PREHELLO_BYTES_MAX)).toHaveLength(1)
    const larger = encodeFrame(
      FRAME_KINDS.goodbye,
      new Uint8Array(PREHELLO_BYTES_MAX - overhead + 1),
    )
    expect(() => decodeAll([larger.subarray(0, 4)], PREHELLO_BYTES_MAX)).toThrow(
      expect.objectContaining({ code: 'FRAME_TOO_LARGE' }),
    )
  })

  it('applies a new limit to the frames that follow in the same chunk', () => {
    const decoder = new FrameDecoder(PREHELLO_BYTES_MAX)
    const large = encodeMessage(pack, new Uint8Array(2 * PREHELLO_BYTES_MAX))
    decoder.push(concat([encodePing(1), large]))
    expect(decoder.next()).toEqual({ type: 'ping', nonce: 1 })
    decoder.setFrameBytesMax(FRAME_BYTES_MAX)
    expect(decoder.next()?.type).toBe('message')
  })

  it('holds what has arrived, not what was announced', () => {
    const decoder = new FrameDecoder(FRAME_BYTES_MAX)
    decoder.push(Uint8Array.of(0x00, 0xff, 0xff, 0xf0, FRAME_KINDS.message))
    expect(decoder.next()).toBeUndefined()
    expect(decoder.heldBytes).toBe(5)
  })

  it('joins what was left unread with the next chunk', () => {
    const decoder = new FrameDecoder(FRAME_BYTES_MAX)
    decoder.push(concat([encodePing(1)]))
    decoder.push(encodePing(2))
    expect([decoder.next(), decoder.next(), decoder.next()]).toEqual([
      { type: 'ping', nonce: 1 },
      { type: 'ping', nonce: 2 },
      undefined,
    ])
  })

  it.each([
    ['an empty frame', [0, 0, 0, 0]],
    ['an unknown kind', [0, 0, 0, 1, 99]],
    ['a ping without a nonce', [0, 0, 0, 4, FRAME_KINDS.ping, 0, 0, 0]],
    ['a request without a deadline', [0, 0, 0, 8, FRAME_KINDS.request, 0, 0, 0, 1, 0, 0, 0]],
    ['a reply without an id', [0, 0, 0, 3, FRAME_KINDS.reply, 0, 0]],
    ['a failure whose code runs over', [0, 0, 0, 8, FRAME_KINDS.failure, 0, 0, 0, 1, 200, 65, 66]],
    ['a failure whose text runs over', [0, 0, 0, 8, FRAME_KINDS.failure, 0, 0, 0, 1, 0, 0, 9]],
  ])('refuses %s', (_what, bytes) => {
    expect(() => decodeAll([Uint8Array.from(bytes)])).toThrow(
      expect.objectContaining({ code: 'FRAME_INVALID' }),
    )
  })
})
