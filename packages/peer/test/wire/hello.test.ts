import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FRAME_HEADER_BYTES } from '../../src/wire/frame.ts'
import { decodeHello, encodeHello, type Hello } from '../../src/wire/hello.ts'
import { type HelloJudge, judgeHello } from '../../src/wire/judge-hello.ts'
import {
  CLUSTER_BYTES_MAX,
  CODE_BYTES_MAX,
  FIELD_KEY_BYTES_MAX,
  FIELD_VALUE_BYTES_MAX,
  FIELDS_MAX,
  NAME_BYTES_MAX,
  PREHELLO_BYTES_MAX,
  REASON_BYTES_MAX,
} from '../../src/wire/limits.ts'
import { PeerError } from '../../src/wire/peer-error.ts'
import { decodeRefusal, encodeRefusal } from '../../src/wire/refusal.ts'

const A = 'aaaaaaaaaaaaaaaa'
const B = 'bbbbbbbbbbbbbbbb'
const hello: Hello = {
  protocolMin: 1,
  protocolMax: 1,
  cluster: 'c',
  name: 'a',
  instance: A,
  fields: {},
}
const bodyOf = (value: Hello): Uint8Array => encodeHello(value).subarray(FRAME_HEADER_BYTES)
const invalidOption = expect.objectContaining({ code: 'OPTIONS_INVALID' })
const invalidHello = expect.objectContaining({ code: 'HELLO_INVALID' })

const name = fc.string({ minLength: 1, maxLength: 40 })
const instance = fc.stringMatching(/^[0-9a-f]{16}$/)
const anyHello: fc.Arbitrary<Hello> = fc.record(
  {
    protocolMin: fc.constant(1),
    protocolMax: fc.integer({ min: 1, max: 9 }),
    cluster: name,
    name,
    instance,
    targetName: name,
    targetInstance: instance,
    fields: fc.dictionary(name, fc.string({ maxLength: 40 }), {
      maxKeys: 8,
      noNullPrototype: true,
    }),
  },
  { requiredKeys: ['protocolMin', 'protocolMax', 'cluster', 'name', 'instance', 'fields'] },
)

describe('the hello', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(anyHello, (value) => {
        expect(decodeHello(bodyOf(value))).toEqual(value)
      }),
    )
  })

  it('answers mutated bytes with a hello or a PeerError', () => {
    fc.assert(
      fc.property(anyHello, fc.nat(4_000), fc.nat(255), fc.nat(4_000), (value, at, byte, cut) => {
        const body = Uint8Array.from(bodyOf(value))
        body[at % body.length] = byte
        try {
          decodeHello(body.subarray(0, cut))
        } catch (error) {
          expect(error).toBeInstanceOf(PeerError)
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('skips the parts of a later release', () => {
    const body = Uint8Array.of(...bodyOf(hello), 200, 0, 3, 1, 2, 3)
    expect(decodeHello(body)).toEqual(hello)
  })

  it('bounds every text, the number of fields, and the whole', () => {
    const many = (count: number, value: string): Record<string, string> =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, value]))
    const longName = (n: number): Hello => ({ ...hello, name: 'n'.repeat(n) })
    const longCluster = (n: number): Hello => ({ ...hello, cluster: 'n'.repeat(n) })
    const longKey = (n: number): Hello => ({ ...hello, fields: { ['k'.repeat(n)]: '' } })
    const longValue = (n: number): Hello => ({ ...hello, fields: { k: 'v'.repeat(n) } })
    const fields = (n: number): Hello => ({ ...hello, fields: many(n, '') })
    for (const [make, max] of [
      [longName, NAME_BYTES_MAX],
      [longCluster, CLUSTER_BYTES_MAX],
      [longKey, FIELD_KEY_BYTES_MAX],
      [longValue, FIELD_VALUE_BYTES_MAX],
      [fields, FIELDS_MAX],
    ] as const) {
      expect(decodeHello(bodyOf(make(max)))).toEqual(make(max))
      expect(() => encodeHello(make(max + 1))).toThrow(invalidOption)
    }
    const three = { a: 'v'.repeat(1024), b: 'v'.repeat(1024), c: 'v'.repeat(1024) }
    const room = PREHELLO_BYTES_MAX - encodeHello({ ...hello, fields: { ...three, d: '' } }).length
    const full = (extra: number): Hello => ({
      ...hello,
      fields: { ...three, d: 'v'.repeat(room + extra) },
    })
    expect(encodeHello(full(0))).toHaveLength(PREHELLO_BYTES_MAX)
    expect(() => encodeHello(full(1))).toThrow(invalidOption)
    expect(() => encodeHello({ ...hello, name: '' })).toThrow(invalidOption)
    expect(() => encodeHello({ ...hello, instance: 'XYZ' })).toThrow(invalidOption)
  })

  const part = (tag: number, ...value: number[]): number[] => [tag, 0, value.length, ...value]
  const start = [0x52, 0x57, 0x50, 0x31, 0, 1, 0, 1]
  const identity = [...part(1, 99), ...part(2, 97), ...part(3, 1, 2, 3, 4, 5, 6, 7, 8)]
  it.each([
    ['without the magic', [1, 2, 3, 4, 0, 1, 0, 1]],
    ['that is too short', [0x52, 0x57]],
    ['with an empty range', [0x52, 0x57, 0x50, 0x31, 0, 2, 0, 1]],
    ['without a name', [...start, ...part(1, 99)]],
    ['that ends inside a header', [...start, ...identity, 4]],
    ['that ends inside a part', [...start, ...identity, 4, 0, 9, 1]],
    ['that says its name twice', [...start, ...identity, ...part(2, 98)]],
    ['with a short instance', [...start, ...part(1, 99), ...part(2, 97), ...part(3, 1)]],
    ['with a name that is not UTF-8', [...start, ...part(1, 99), ...part(2, 0xff), ...part(3, 1)]],
    ['with a field without a key', [...start, ...identity, ...part(6, 0, 65)]],
    ['with a field whose key runs over', [...start, ...identity, ...part(6, 9, 65)]],
    ['with one field twice', [...start, ...identity, ...part(6, 1, 65), ...part(6, 1, 65)]],
  ])('is refused %s', (_what, bytes) => {
    expect(() => decodeHello(Uint8Array.from(bytes))).toThrow(invalidHello)
  })
})

describe('the judgement of a hello', () => {
  const self: HelloJudge = { cluster: 'c', name: 'b', instance: B }
  const codeFor = (change: Partial<Hello>, judge: HelloJudge = self): string => {
    const verdict = judgeHello(bodyOf({ ...hello, ...change }), judge)
    return verdict.type === 'refused' ? verdict.refusal.code : 'accepted'
  }

  it('accepts the right peer, also one of a later release', () => {
    expect(codeFor({})).toBe('accepted')
    expect(codeFor({ targetName: 'b', targetInstance: B })).toBe('accepted')
    expect(codeFor({ protocolMax: 7 })).toBe('accepted')
  })

  it('names what is wrong', () => {
    expect(codeFor({ cluster: 'other' })).toBe('WRONG_CLUSTER')
    expect(codeFor({ protocolMin: 2, protocolMax: 3 })).toBe('UNSUPPORTED_PROTOCOL')
    expect(codeFor({ targetName: 'x' })).toBe('WRONG_NAME')
    expect(codeFor({ targetName: 'b', targetInstance: A })).toBe('WRONG_INSTANCE')
    expect(codeFor({ name: 'b', instance: B })).toBe('SELF')
    expect(codeFor({ name: 'b' })).toBe('NAME_TAKEN')
    expect(codeFor({}, { ...self, expected: { name: 'z' } })).toBe('WRONG_NAME')
    expect(codeFor({}, { ...self, expected: { name: 'a', instance: B } })).toBe('WRONG_INSTANCE')
  })

  it('reads the range even when it can read nothing else', () => {
    const future = Uint8Array.of(0x52, 0x57, 0x50, 0x31, 0, 9, 0, 9, 1, 2, 3)
    expect(judgeHello(future, self)).toMatchObject({ refusal: { code: 'UNSUPPORTED_PROTOCOL' } })
  })
})

describe('a refusal', () => {
  it('carries its code, its reason and the instance of now', () => {
    const refusal = { code: 'WRONG_INSTANCE', reason: 'été', instance: B }
    expect(decodeRefusal(encodeRefusal(refusal).subarray(FRAME_HEADER_BYTES))).toEqual(refusal)
  })

  it('is cut to its limits between two characters', () => {
    const long = { code: 'é'.repeat(99), reason: 'é'.repeat(2_000), instance: B }
    expect(decodeRefusal(encodeRefusal(long).subarray(FRAME_HEADER_BYTES))).toEqual({
      code: 'é'.repeat(CODE_BYTES_MAX / 2),
      reason: 'é'.repeat(REASON_BYTES_MAX / 2),
      instance: B,
    })
  })

  it('that is too short is a PeerError', () => {
    for (const bytes of [[], [3, 65], [0, 0, 0, 1, 2]])
      expect(() => decodeRefusal(Uint8Array.from(bytes))).toThrow(invalidHello)
  })
})
