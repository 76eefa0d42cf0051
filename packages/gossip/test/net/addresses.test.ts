import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hostOf } from '../../src/core/address.ts'
import {
  createAllowList,
  formatAddress,
  isLoopback,
  parseIp,
  plainHost,
} from '../../src/net/addresses.ts'

const hexOf = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex')

describe('addresses', () => {
  it.each([
    ['127.0.0.1', '7f000001'],
    ['::ffff:10.0.0.1', '0a000001'],
    ['::', '00'.repeat(16)],
    ['::1', `${'00'.repeat(15)}01`],
    ['2001:db8::ff00:42:8329', '20010db8000000000000ff0000428329'],
    ['fe80::1%eth0', `fe80${'00'.repeat(13)}01`],
    ['64:ff9b::192.0.2.33', '0064ff9b0000000000000000c0000221'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ])('%s is the bytes %s', (text, bytes) => {
    expect(hexOf(parseIp(text))).toBe(bytes)
  })

  it.each(['', 'localhost', '1.2.3', '1.2.3.4.5', ':::1', '10.0.0.256'])('%j is none', (text) => {
    expect(parseIp(text)).toBeUndefined()
  })

  it('come back from their bytes', () => {
    const sizes = fc.constantFrom(4, 16)
    fc.assert(
      fc.property(
        sizes.chain((size) => fc.uint8Array({ minLength: size, maxLength: size })),
        (bytes) => {
          const parsed = parseIp(hostOf(bytes))
          // Mapped IPv4 has one form of ours: four bytes.
          expect(hexOf(parsed)).toBe(hexOf(bytes)?.replace(/^0{20}ffff/, ''))
        },
      ),
    )
  })

  it('mapped IPv4 is shown as IPv4, and IPv6 in brackets', () => {
    expect(plainHost('::ffff:10.0.0.1')).toBe('10.0.0.1')
    expect(plainHost('::ffff:1')).toBe('::ffff:1')
    expect(formatAddress({ host: '::1', port: 7946 })).toBe('[::1]:7946')
    expect(formatAddress({ host: '10.0.0.1', port: 7946 })).toBe('10.0.0.1:7946')
    expect([isLoopback('127.9.9.9'), isLoopback('::1'), isLoopback('10.0.0.1')]).toEqual([
      true,
      true,
      false,
    ])
  })
})

describe('the allow list', () => {
  it('allows everybody when it is empty', () => {
    const list = createAllowList([])
    expect(list.allowsHost('203.0.113.1')).toBe(true)
    expect(list.allowsBytes(Uint8Array.of(203, 0, 113, 1))).toBe(true)
  })

  it('allows its ranges in every form of an address', () => {
    const list = createAllowList(['10.0.0.0/8', 'fd00::/8'])
    expect(list.allowsHost('10.255.0.1')).toBe(true)
    expect(list.allowsHost('::ffff:10.0.0.1')).toBe(true)
    expect(list.allowsHost('11.0.0.1')).toBe(false)
    expect(list.allowsHost('fd12::1')).toBe(true)
    expect(list.allowsHost('fe80::1%eth0')).toBe(false)
    expect(list.allowsBytes(Uint8Array.of(10, 0, 0, 1))).toBe(true)
    expect(list.allowsBytes(Uint8Array.of(...new Uint8Array(10), 0xff, 0xff, 10, 0, 0, 1))).toBe(
      true,
    )
    expect(list.allowsBytes(Uint8Array.of(11, 0, 0, 1))).toBe(false)
  })

  it.each([
    '10.0.0.0',
    '10.0.0.0/33',
    'fd00::/129',
    '10.0.0/8',
    'x/8',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
  ])('refuses %j and names it', (cidr) => {
    expect(() => createAllowList([cidr])).toThrow(cidr)
  })
})
