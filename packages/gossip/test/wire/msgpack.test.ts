import { describe, expect, it } from 'vitest'
import type { WireErrorCode } from '../../src/wire/errors.ts'
import { WireError } from '../../src/wire/errors.ts'
import { MsgpackReader } from '../../src/wire/msgpack-reader.ts'
import { INCOMPLETE, scanValue } from '../../src/wire/msgpack-scan.ts'
import { MsgpackWriter, uint64Size } from '../../src/wire/msgpack-writer.ts'
import { hex, toHex } from './bytes.ts'

const reader = (bytes: string) => new MsgpackReader(hex(bytes))

function codeOf(work: () => unknown): WireErrorCode | undefined {
  try {
    work()
  } catch (error) {
    if (error instanceof WireError) return error.code
    throw error
  }
  return undefined
}

describe('integers', () => {
  it.each([
    ['00', 0],
    ['7f', 127],
    ['cc ff', 255],
    ['cd ffff', 65_535],
    ['ce ffffffff', 4_294_967_295],
    ['cf 00000000ffffffff', 4_294_967_295],
    ['d0 7f', 127],
    ['d1 00c8', 200],
    ['d2 00008000', 32_768],
    ['d3 00000000ffffffff', 4_294_967_295],
    ['c0', 0],
  ])('%s is %i whatever its family', (bytes, value) => {
    expect(reader(bytes).readUint(0xffff_ffff)).toBe(value)
  })

  it.each(['ff', 'd0 80', 'd1 ffff', 'd2 80000000', 'd3 ffffffffffffffff', 'ca 3f800000', 'a131'])(
    '%s is refused: negative, a float or a string',
    (bytes) => {
      expect(codeOf(() => reader(bytes).readUint(0xffff_ffff))).toBe('WIRE_FIELD')
    },
  )

  it('are accepted at the largest value of a field and refused one past it', () => {
    expect(reader('cd ffff').readUint(0xffff)).toBe(0xffff)
    expect(codeOf(() => reader('ce 00010000').readUint(0xffff))).toBe('WIRE_FIELD')
    expect(codeOf(() => reader('cf 0000000100000000').readUint(0xffff_ffff))).toBe('WIRE_FIELD')
  })

  it.each([0n, 127n, 128n, 0xffff_ffffn, 0x1_0000_0000n, 0xffff_ffff_ffff_ffffn])(
    'of 64 bits keep every bit of %s',
    (value) => {
      const writer = new MsgpackWriter(uint64Size(value))
      writer.uint64(value)
      expect(writer.offset).toBe(writer.bytes.length)
      expect(new MsgpackReader(writer.bytes).readUint64()).toBe(value)
    },
  )
})

describe('strings and bytes', () => {
  it.each([
    'a26869',
    'd9026869',
    'da00026869',
    'db000000026869',
    'c4026869',
    'c500026869',
    'c6000000026869',
  ])('%s reads as "hi"', (bytes) => {
    expect(reader(bytes).readString(2)).toBe('hi')
    expect(toHex(reader(bytes).readBytes(2))).toBe('6869')
  })

  it('bytes may also come as an array of numbers', () => {
    expect(toHex(reader('92 68 cc69').readBytes(2))).toBe('6869')
    expect(toHex(reader('dc 0002 68 69').readBytes(2))).toBe('6869')
    expect(codeOf(() => reader('92 68 cd0100').readBytes(2))).toBe('WIRE_FIELD')
  })

  it('nil is empty', () => {
    expect(reader('c0').readString(2)).toBe('')
    expect(reader('c0').readBytes(2)).toHaveLength(0)
    expect(reader('c0').readBool()).toBe(false)
  })

  it('are accepted at their limit and refused one past it', () => {
    expect(codeOf(() => reader('a3686969').readString(2))).toBe('WIRE_LENGTH_EXCEEDED')
    expect(codeOf(() => reader('a3686969').readBytes(2))).toBe('WIRE_LENGTH_EXCEEDED')
    expect(codeOf(() => reader('93 01 02 03').readBytes(2))).toBe('WIRE_LENGTH_EXCEEDED')
  })

  it('a length beyond the bytes at hand is refused before anything is allocated', () => {
    expect(codeOf(() => reader('db ffffffff').readBytes(0xffff_ffff))).toBe('WIRE_TRUNCATED')
    expect(codeOf(() => reader('dd ffffffff').readBytes(0xffff_ffff))).toBe('WIRE_TRUNCATED')
  })

  it.each(['a180', 'a2c3', 'a2c328', 'a3eda080', 'a4f8888080'])(
    '%s is not UTF-8 and is refused rather than repaired',
    (bytes) => {
      expect(codeOf(() => reader(bytes).readString(9))).toMatch(/WIRE_UTF8|WIRE_TRUNCATED/)
    },
  )

  it('a byte order mark is part of the name', () => {
    expect(reader('a4efbbbf61').readString(9)).toBe('\ufeffa')
  })

  it('kept bytes are copies', () => {
    const packet = hex('a26869')
    const kept = new MsgpackReader(packet).readBytes(2)
    packet.fill(0)
    expect(toHex(kept)).toBe('6869')
  })
})

describe('skipping values', () => {
  const limits = { valuesMax: 100, bytesMax: 1_000 }
  const VALUES = [
    'c0',
    'c2',
    'c3',
    '7f',
    'ff',
    'cc01',
    'cd0001',
    'ce00000001',
    'cf0000000000000001',
    'd001',
    'd10001',
    'd200000001',
    'd30000000000000001',
    'ca3f800000',
    'cb3ff0000000000000',
    'a161',
    'd90161',
    'da000161',
    'db0000000161',
    'c40161',
    'c5000161',
    'c60000000161',
    'd40100',
    'd5010000',
    'd60100000000',
    `d701${'00'.repeat(8)}`,
    `d801${'00'.repeat(16)}`,
    'c7010500',
    'c800010500',
    'c9000000010500',
    '9101',
    'dc000101',
    'dd0000000101',
    '81a16101',
    'de0001a16101',
    'df00000001a16101',
    '81a16193c0c082a162c0a16391a164',
  ] as const

  it.each(VALUES)('%s ends where it ends, and a cut one asks for more', (value) => {
    const bytes = hex(`${value}c1c1`)
    const end = bytes.length - 2
    expect(scanValue(bytes, 0, bytes.length, limits)).toBe(end)
    for (let cut = 0; cut < end; cut += 1) {
      expect(scanValue(bytes, 0, cut, limits)).toBe(INCOMPLETE)
    }
  })

  it('the tag that msgpack never uses is refused', () => {
    expect(codeOf(() => scanValue(hex('c1'), 0, 1, limits))).toBe('WIRE_FORMAT')
  })

  it('a length beyond the limit is refused before its bytes are there', () => {
    const bytes = hex('db000003e3')
    expect(scanValue(bytes, 0, 5, { valuesMax: 1, bytesMax: 1_000 })).toBe(INCOMPLETE)
    expect(codeOf(() => scanValue(bytes, 0, 5, { valuesMax: 1, bytesMax: 999 }))).toBe(
      'WIRE_LENGTH_EXCEEDED',
    )
  })

  it('as many values as allowed are read and one more is refused', () => {
    const bytes = hex('93c0c0c0')
    expect(scanValue(bytes, 0, 4, { valuesMax: 4, bytesMax: 9 })).toBe(4)
    expect(codeOf(() => scanValue(bytes, 0, 4, { valuesMax: 3, bytesMax: 9 }))).toBe(
      'WIRE_LENGTH_EXCEEDED',
    )
  })

  it('nesting costs no stack, however deep', () => {
    const deep = new Uint8Array(1_000_001).fill(0x91, 0, 1_000_000)
    const open = { valuesMax: 1_000_001, bytesMax: 1_000_001 }
    expect(scanValue(deep, 0, deep.length, open)).toBe(1_000_001)
    expect(codeOf(() => scanValue(deep, 0, deep.length, limits))).toBe('WIRE_LENGTH_EXCEEDED')
  })
})
