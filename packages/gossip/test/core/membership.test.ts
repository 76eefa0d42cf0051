import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Peer } from '../../src/core/member.ts'
import { Membership } from '../../src/core/membership.ts'
import { PeerIndex } from '../../src/core/peer-index.ts'
import { pcg32 } from '../../src/core/random.ts'
import { Suspicion } from '../../src/core/suspicion.ts'
import { addressOf, PORT, placeOf, VERSIONS } from './fixture.ts'

const peerOf = (name: string, meta: readonly number[] = []): Peer => ({
  name,
  address: addressOf(name),
  port: PORT,
  meta: Uint8Array.from(meta),
  versions: VERSIONS,
  to: placeOf(name),
})

const tableOf = (index = new PeerIndex()) => new Membership(peerOf('a'), 1, index, pcg32(7))

const namesOf = (table: Membership) => [...table.rows].map((row) => table.peer(row).name).sort()

describe('a table', () => {
  test('begins with its owner', () => {
    const table = tableOf()
    expect(table.size).toBe(1)
    expect(table.find('a')).toBe(table.self)
    expect(table.view(table.self)).toMatchObject({ name: 'a', state: 'alive', incarnation: 1 })
    expect(table.find('b')).toBeUndefined()
  })

  test('keeps every fact of a row to itself', () => {
    const table = tableOf()
    const b = table.insert(peerOf('b'), 3, 10)
    const c = table.insert(peerOf('c'), 4, 20)
    table.setState(b, 'suspect', 30)
    table.setSuspicion(b, new Suspicion('a', 2, 10, 20, 30))
    table.setIncarnation(b, 0x7fff_ffff)
    table.setRttMicros(b, 1_500)
    table.setReleased(b, true)
    expect(table.view(b)).toMatchObject({ state: 'suspect', incarnation: 0x7fff_ffff, rttMs: 1.5 })
    expect([table.since(b), table.since(c)]).toEqual([30, 20])
    expect([table.isReleased(b), table.isReleased(c)]).toEqual([true, false])
    expect(table.suspicion(c)).toBeUndefined()
    expect(table.view(c)).toEqual({
      name: 'c',
      address: placeOf('c'),
      state: 'alive',
      incarnation: 4,
      meta: new Uint8Array(0),
      versions: VERSIONS,
    })
  })

  test('caps a round trip that no column could hold', () => {
    const table = tableOf()
    table.setRttMicros(table.self, 2 ** 40)
    expect(table.rttMicros(table.self)).toBe(2 ** 31 - 1)
  })

  test('forgets all facts of a row with its name', () => {
    const table = tableOf()
    const row = table.insert(peerOf('b'), 9, 0)
    table.setRttMicros(row, 5)
    table.setReleased(row, true)
    table.setState(row, 'dead', 10)
    expect(table.reap(10)).toEqual([])
    expect(table.reap(11)).toEqual(['b'])
    expect(table.find('b')).toBeUndefined()
    expect(() => table.peer(row)).toThrow(RangeError)
    expect(() => table.state(row)).toThrow(RangeError)
    // The place is used again, and shows nothing of who was there before.
    const again = table.insert(peerOf('c'), 1, 12)
    expect(again).toBe(row)
    expect(table.isReleased(again)).toBe(false)
    expect(table.rttMicros(again)).toBeUndefined()
    expect(table.incarnation(again)).toBe(1)
  })

  test('never reaps its owner', () => {
    const table = tableOf()
    table.setState(table.self, 'left', 0)
    expect(table.reap(1_000)).toEqual([])
    expect(table.size).toBe(1)
  })

  test('does what a map of names would do, whatever happens', () => {
    const name = fc.constantFrom(...'bcdefghijklmnopq')
    const action = fc.record({
      name,
      verb: fc.constantFrom('insert', 'dead', 'left', 'alive', 'meta', 'reap', 'shuffle'),
      number: fc.nat(200),
    })
    fc.assert(
      fc.property(fc.array(action, { maxLength: 80 }), (actions) => {
        const table = tableOf()
        const model = new Map<string, { state: string; incarnation: number; meta: number[] }>([
          ['a', { state: 'alive', incarnation: 1, meta: [] }],
        ])
        for (const { name, verb, number } of actions) {
          const known = model.get(name)
          const row = table.find(name)
          expect(row !== undefined).toBe(known !== undefined)
          if (verb === 'insert' && row === undefined) {
            table.insert(peerOf(name), number, 0)
            model.set(name, { state: 'alive', incarnation: number, meta: [] })
          } else if (verb === 'reap') {
            table.reap(1)
            for (const [other, { state }] of model) {
              if (state === 'dead' || state === 'left') model.delete(other)
            }
          } else if (verb === 'shuffle') table.reshuffle()
          else if (row === undefined || known === undefined) continue
          else if (verb === 'meta') {
            table.setPeer(row, peerOf(name, [number]))
            known.meta = [number]
          } else if (verb === 'dead' || verb === 'left' || verb === 'alive') {
            table.setState(row, verb, 0)
            known.state = verb
          }
        }
        expect(namesOf(table)).toEqual([...model.keys()].sort())
        for (const [name, { state, incarnation, meta }] of model) {
          const row = table.find(name) ?? -1
          expect(table.view(row)).toMatchObject({ name, state, incarnation })
          expect([...table.peer(row).meta]).toEqual(meta)
        }
      }),
    )
  })
})

describe('an index of peers', () => {
  test('keeps one copy for all tables, and gives each name one place', () => {
    const index = new PeerIndex()
    const one = tableOf(index)
    const other = new Membership(peerOf('z'), 1, index, pcg32(8))
    const row = one.insert(peerOf('b', [1]), 1, 0)
    expect(other.find('b')).toBeUndefined()
    expect(other.insert(peerOf('b', [1]), 2, 0)).toBe(row)
    expect(other.peer(row)).toBe(one.peer(row))
    other.setPeer(row, peerOf('b', [2]))
    expect([...one.peer(row).meta]).toEqual([1])
    expect([...other.peer(row).meta]).toEqual([2])
  })

  test('grows no further than what is held at one time', () => {
    const index = new PeerIndex()
    const table = tableOf(index)
    for (let turn = 0; turn < 1_000; turn++) {
      const row = table.insert(peerOf(`visitor-${turn}`), 1, turn)
      table.setPeer(row, peerOf(`visitor-${turn}`, [1]))
      table.setState(row, 'left', turn)
      table.reap(turn + 1)
    }
    // Ourselves and one visitor.
    expect(index.placesMax).toBe(2)
    expect(namesOf(table)).toEqual(['a'])
  })

  test('says that a number is nobody’s', () => {
    expect(() => new PeerIndex().peer(0)).toThrow(RangeError)
  })
})
