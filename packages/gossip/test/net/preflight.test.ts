import { describe, expect, it } from 'vitest'
import type { NodeState } from '../../src/core/messages.ts'
import { delegateMismatch, findNamesake } from '../../src/net/preflight.ts'

const PLAIN = [0, 0, 0] as const
const SERF = [2, 5, 5] as const
const OURS_SERF = [2, 5, 4] as const
const WIDE = (current: number) => [0, 255, current] as const
const versions = (delegate: readonly number[]) => Uint8Array.of(1, 5, 2, ...delegate)

const row = (changes: Partial<NodeState> = {}): NodeState => ({
  name: 'x',
  address: Uint8Array.of(10, 0, 0, 1),
  port: 7946,
  meta: new Uint8Array(0),
  incarnation: 1,
  state: 'alive',
  versions: versions(PLAIN),
  ...changes,
})
const us = (delegate: readonly number[]) => ({
  name: 'us',
  address: Uint8Array.of(10, 0, 0, 9),
  port: 7946,
  versions: versions(delegate),
})

describe('before a join', () => {
  it.each([
    [PLAIN, PLAIN, undefined],
    [OURS_SERF, SERF, undefined],
    [WIDE(0), PLAIN, undefined],
    [WIDE(5), SERF, undefined],
    [PLAIN, SERF, '--delegate serf'],
    [OURS_SERF, PLAIN, '--delegate plain'],
    [PLAIN, [7, 9, 8], '--delegate serf'],
    [WIDE(9), SERF, '--delegate serf'],
    [PLAIN, [1, 1, 1], 'delegate { min: 1, max: 1, current: 1 }'],
  ])('we with %j meet a cluster of %j: %s', (ours, theirs, advice) => {
    const error = delegateMismatch([row({ versions: versions(theirs) })], us(ours))
    expect(error?.details['set']).toBe(advice)
    if (advice !== undefined) expect(error?.code).toBe('GOSSIP_DELEGATE_MISMATCH')
  })

  it('only living members say what the cluster speaks', () => {
    expect(
      delegateMismatch([row({ versions: versions(SERF), state: 'dead' })], us(PLAIN)),
    ).toBeUndefined()
  })

  it('a living member with our name elsewhere is a namesake', () => {
    expect(findNamesake([row({ name: 'us' })], us(PLAIN))).toBeDefined()
    expect(findNamesake([row({ name: 'us', state: 'suspect' })], us(PLAIN))).toBeDefined()
    expect(findNamesake([row({ name: 'us', state: 'dead' })], us(PLAIN))).toBeUndefined()
    expect(findNamesake([row({ name: 'us', state: 'left' })], us(PLAIN))).toBeUndefined()
    expect(findNamesake([row({ name: 'them' })], us(PLAIN))).toBeUndefined()
  })

  it('our own former self is none, whatever the form of its address', () => {
    const { address } = us(PLAIN)
    const mapped = Uint8Array.of(...new Uint8Array(10), 0xff, 0xff, ...address)
    expect(findNamesake([row({ name: 'us', address })], us(PLAIN))).toBeUndefined()
    expect(findNamesake([row({ name: 'us', address: mapped })], us(PLAIN))).toBeUndefined()
    expect(findNamesake([row({ name: 'us', address, port: 1 })], us(PLAIN))).toBeDefined()
  })
})
