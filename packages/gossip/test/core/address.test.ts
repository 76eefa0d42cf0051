import { expect, test } from 'vitest'
import { hostOf, isAddress } from '../../src/core/address.ts'

const groups = (...values: readonly number[]) =>
  Uint8Array.from(values.flatMap((value) => [value >> 8, value & 255]))

test.each([
  [Uint8Array.of(127, 0, 0, 1), '127.0.0.1'],
  [groups(0, 0, 0, 0, 0, 0xffff, 0x7f00, 1), '127.0.0.1'],
  [groups(0, 0, 0, 0, 0, 0, 0, 1), '::1'],
  [groups(0, 0, 0, 0, 0, 0, 0, 0), '::'],
  [groups(0xfe80, 0, 0, 0, 0, 0, 0, 0), 'fe80::'],
  [groups(0x2001, 0xdb8, 0, 1, 1, 1, 1, 1), '2001:db8:0:1:1:1:1:1'],
  [groups(0x2001, 0xdb8, 0, 0, 1, 0, 0, 1), '2001:db8::1:0:0:1'],
  [groups(0x2001, 0, 0, 1, 0, 0, 0, 1), '2001:0:0:1::1'],
])('%s is written %s', (bytes, text) => {
  expect(hostOf(bytes)).toBe(text)
})

test('an address has 4 or 16 bytes', () => {
  const lengths = Array.from({ length: 18 }, (_, length) => length)
  expect(lengths.filter((length) => isAddress(new Uint8Array(length)))).toEqual([4, 16])
})
