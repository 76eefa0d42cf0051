import fc from 'fast-check'
import { expect, it } from 'vitest'
import { keyView } from '../../src/pool/key-view.ts'

it('shows the bytes of a key of any length, wherever they are', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(50), (key, before) => {
      const bytes = Buffer.concat([Buffer.alloc(before, 1), key, Buffer.alloc(3, 2)])
      const view = keyView(bytes, before, before + key.length)
      expect(Buffer.from(view).equals(Buffer.from(key))).toBe(true)
    }),
  )
  for (const length of [0, 64, 65])
    expect(keyView(Buffer.alloc(100, 7), 10, 10 + length)).toHaveLength(length)
})
