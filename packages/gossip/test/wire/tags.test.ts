import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WireError } from '../../src/wire/errors.ts'
import { decodeTags, encodeTags, tagsSize } from '../../src/wire/tags.ts'
import { hex, toHex } from './bytes.ts'

const text = fc.string({ unit: 'binary', maxLength: 12 })

describe('tags', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.dictionary(text, text, { maxKeys: 20, noNullPrototype: true }), (tags) => {
        fc.pre(tagsSize(tags) <= 512)
        const bytes = encodeTags(tags)
        expect(bytes).toHaveLength(tagsSize(tags))
        expect(decodeTags(bytes)).toEqual({ ok: true, tags })
      }),
    )
  })

  it('equal tags are equal bytes whatever their order', () => {
    expect(toHex(encodeTags({ b: '1', a: '2' }))).toBe(toHex(encodeTags({ a: '2', b: '1' })))
  })

  it('fit in 512 bytes, and one byte more is refused with the size', () => {
    // Mark, map header, one-letter key, raw16 header: 7 bytes beside the value.
    expect(encodeTags({ k: 'v'.repeat(505) })).toHaveLength(512)
    expect(() => encodeTags({ k: 'v'.repeat(506) })).toThrow(/tags: 513, max: 512/)
  })

  it('a lone surrogate would be lost on the way, so it is refused', () => {
    expect(() => encodeTags({ k: '\ud800' })).toThrow(WireError)
  })

  it('metadata that is not marked is one tag "role", as Serf reads it', () => {
    expect(decodeTags(new Uint8Array(0))).toEqual({ ok: true, tags: { role: '' } })
    expect(decodeTags(new TextEncoder().encode('{"v":1}'))).toEqual({
      ok: true,
      tags: { role: '{"v":1}' },
    })
  })

  it('what is broken gives the tags before the break and says so', () => {
    const result = decodeTags(hex('ff 82 a161 a131 a162 c1'))
    expect(result).toMatchObject({ ok: false, tags: { a: '1' }, error: { code: 'WIRE_FIELD' } })
    expect(decodeTags(hex('ff'))).toMatchObject({ ok: false, tags: {} })
    expect(decodeTags(hex('ff df ffffffff'))).toMatchObject({ ok: false })
    expect(decodeTags(hex('80'))).toMatchObject({ ok: false, error: { code: 'WIRE_UTF8' } })
    expect(decodeTags(new Uint8Array(513))).toMatchObject({
      ok: false,
      error: { code: 'WIRE_LENGTH_EXCEEDED' },
    })
  })

  it('no bytes make it throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        decodeTags(bytes)
        decodeTags(Uint8Array.of(0xff, ...bytes))
      }),
    )
  })

  it('a key named like a prototype is a key', () => {
    const { tags } = decodeTags(encodeTags(Object.fromEntries([['__proto__', 'x']])))
    expect(Object.keys(tags)).toEqual(['__proto__'])
  })
})
