import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HeldRequest } from '../../src/pool/held-request.ts'

const HEAD = Buffer.from('POST /a HTTP/1.1\r\n\r\n')
const BODY_MAX = 64 * 1024

function begun(): HeldRequest {
  const held = new HeldRequest()
  held.begin(HEAD.length + BODY_MAX, HEAD, 0, HEAD.length)
  return held
}
const text = (held: HeldRequest) => held.bytes.toString('latin1', 0, held.length)

describe('a held request', () => {
  it('is all that was added, in any pieces, while it fits', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 20 }),
        fc.nat(40),
        (pieces, start) => {
          const held = begun()
          let wanted = HEAD.toString('latin1')
          for (const piece of pieces) {
            const from = Math.min(start, piece.length)
            held.add(Buffer.from(piece), from, piece.length, true)
            wanted += Buffer.from(piece.subarray(from)).toString('latin1')
          }
          expect(held.whole).toBe(true)
          expect(text(held)).toBe(wanted)
          held.release()
        },
      ),
    )
  })

  it('ends with the first byte above its limit, unless nobody else has it yet', () => {
    const body = Buffer.alloc(BODY_MAX + 1, 'b')
    const held = begun()
    held.add(body, 0, BODY_MAX, true)
    expect([held.whole, held.full, held.length]).toEqual([true, true, HEAD.length + BODY_MAX])
    held.add(body, BODY_MAX, BODY_MAX + 1, true)
    expect([held.whole, held.length]).toEqual([false, 0])

    const kept = begun()
    kept.add(body, 0, body.length, false)
    expect([kept.whole, kept.length]).toEqual([true, HEAD.length + body.length])
  })

  it('shares no buffer with another one that is held at the same time', () => {
    const first = begun()
    first.add(Buffer.alloc(BODY_MAX, '1'), 0, BODY_MAX, true)
    first.release()
    const [one, two] = [begun(), begun()]
    one.add(Buffer.alloc(BODY_MAX, '1'), 0, BODY_MAX, true)
    two.add(Buffer.alloc(BODY_MAX, '2'), 0, BODY_MAX, true)
    expect(text(one)).toBe(HEAD.toString() + '1'.repeat(BODY_MAX))
    expect(text(two)).toBe(HEAD.toString() + '2'.repeat(BODY_MAX))
  })
})
