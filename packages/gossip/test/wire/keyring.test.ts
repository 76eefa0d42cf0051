import { describe, expect, it } from 'vitest'
import { WireError } from '../../src/wire/errors.ts'
import { Keyring } from '../../src/wire/keyring.ts'

const key = (byte: number, size = 16) => new Uint8Array(size).fill(byte)

describe('a keyring', () => {
  it('is off without keys and starts with the first one as primary', () => {
    expect(new Keyring().primary).toBeUndefined()
    expect(new Keyring([key(1), key(2)]).primary).toEqual(key(1))
  })

  it('rotates: install, use, remove', () => {
    const ring = new Keyring([key(1)])
    ring.install(key(2))
    expect(ring.primary).toEqual(key(1))
    ring.use(key(2))
    expect(ring.list()).toEqual([key(2), key(1)])
    ring.remove(key(1))
    expect(ring.list()).toEqual([key(2)])
  })

  it('knows keys by their bytes and takes each once', () => {
    const ring = new Keyring([key(1), key(1)])
    ring.remove(key(9))
    expect(ring.list()).toEqual([key(1)])
  })

  it('does not let its primary key go, nor use one that is not installed', () => {
    const ring = new Keyring([key(1)])
    expect(() => ring.remove(key(1))).toThrow(WireError)
    expect(() => ring.use(key(2))).toThrow(WireError)
  })

  it.each([0, 15, 17, 23, 25, 31, 33])('refuses a key of %i bytes', (size) => {
    expect(() => new Keyring([key(1, size)])).toThrow(WireError)
  })

  it.each([16, 24, 32])('takes a key of %i bytes', (size) => {
    expect(new Keyring([key(1, size)]).primary).toHaveLength(size)
  })

  it('holds sixteen keys and refuses one more', () => {
    const ring = new Keyring(Array.from({ length: 16 }, (_, byte) => key(byte)))
    expect(() => ring.install(key(99))).toThrow(WireError)
    expect(ring.list()).toHaveLength(16)
  })

  it('keeps its own copies', () => {
    const mine = key(1)
    const ring = new Keyring([mine])
    mine.fill(0)
    ring.list()[0]?.fill(5)
    expect(ring.primary).toEqual(key(1))
  })
})
