import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Flight, Flights, type Write } from '../../../src/pool/caching/flights.ts'

const LIMITS = { coalesceFlightsMax: 8, coalesceRidersMax: 3 }

type Step =
  | { readonly type: 'read'; readonly key: number }
  | { readonly type: 'write'; readonly key: number }
  | { readonly type: 'write-all' }
  /** The server runs one of the commands on their way. */
  | { readonly type: 'run'; readonly pick: number }
  /** One of the replies arrives. */
  | { readonly type: 'answer'; readonly pick: number }
  | { readonly type: 'renumber' }

interface Read {
  readonly key: number
  /** How many writes of the key the server had run when the last one was answered before this read came. */
  readonly atLeast: number
}

interface OnItsWay {
  readonly keys: readonly number[]
  readonly flight?: Flight<Read>
  readonly alone?: Read
  readonly write?: Write
  /** Per key, how many writes the server had run when it ran this one; absent before. */
  seen?: readonly number[]
}

const KEYS = [0, 1, 2]

/** Commands of many clients over many connections: the server runs them in any order, and so do replies arrive. */
function faults(flights: Flights<Read>, steps: readonly Step[]): readonly string[] {
  const written = KEYS.map(() => 0)
  const answered = KEYS.map(() => 0)
  const open: OnItsWay[] = []
  const found: string[] = []
  let numbering = 0
  const placeOf = (key: number) => key + numbering * 1_000
  const check = (read: Read, seen: number) => {
    if (seen < read.atLeast)
      found.push(`key ${read.key}: saw ${seen} writes of ${read.atLeast} that were answered`)
  }
  const arrive = ({ keys, flight, alone, write, seen = [] }: OnItsWay) => {
    if (write !== undefined) {
      flights.writeEnds(write)
      for (const [i, key] of keys.entries())
        answered[key] = Math.max(answered[key] ?? 0, seen[i] ?? 0)
      return
    }
    const riders = flight === undefined ? [] : flights.land(flight)
    for (const read of alone === undefined ? riders : [alone, ...riders]) check(read, seen[0] ?? 0)
  }
  const run = (command: OnItsWay) => {
    if (command.write !== undefined)
      for (const key of command.keys) written[key] = (written[key] ?? 0) + 1
    command.seen = command.keys.map((key) => written[key] ?? 0)
  }
  for (const step of steps) {
    switch (step.type) {
      case 'read': {
        const read = { key: step.key, atLeast: answered[step.key] ?? 0 }
        const isWritten = open.some(
          ({ write, keys }) => write !== undefined && keys.includes(step.key),
        )
        if (flights.join(`get ${step.key}`, read)) {
          if (isWritten) found.push(`key ${step.key}: joined while it was written`)
          break
        }
        const flight = flights.begin(`get ${step.key}`, placeOf(step.key))
        open.push({ keys: [step.key], alone: read, ...(flight && { flight }) })
        break
      }
      case 'write':
        open.push({ keys: [step.key], write: flights.writeBegins([placeOf(step.key)]) })
        break
      case 'write-all':
        open.push({ keys: KEYS, write: flights.writeBegins('all') })
        break
      case 'run': {
        const waiting = open.filter(({ seen }) => seen === undefined)
        const command = waiting[step.pick % Math.max(1, waiting.length)]
        if (command !== undefined) run(command)
        break
      }
      case 'answer': {
        const done = open.filter(({ seen }) => seen !== undefined)
        const command = done[step.pick % Math.max(1, done.length)]
        if (command === undefined) break
        open.splice(open.indexOf(command), 1)
        arrive(command)
        break
      }
      case 'renumber':
        numbering++
        flights.renumber()
        break
      default:
        step satisfies never
    }
  }
  for (const command of open) if (command.seen === undefined) run(command)
  for (const command of open) arrive(command)
  if (flights.open > 0) found.push(`${flights.open} flights never landed`)
  return found
}

const key = fc.constantFrom(...KEYS)
const pick = fc.nat(20)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: key.map((of) => ({ type: 'read' as const, key: of })) },
  { weight: 3, arbitrary: key.map((of) => ({ type: 'write' as const, key: of })) },
  { weight: 1, arbitrary: fc.constant({ type: 'write-all' as const }) },
  { weight: 6, arbitrary: pick.map((of) => ({ type: 'run' as const, pick: of })) },
  { weight: 5, arbitrary: pick.map((of) => ({ type: 'answer' as const, pick: of })) },
  { weight: 1, arbitrary: fc.constant({ type: 'renumber' as const }) },
)

const isSound = (make: () => Flights<Read>) =>
  fc.check(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => faults(make(), steps).length === 0),
    { numRuns: 2_000 },
  )

describe('reads that share a reply', () => {
  it('are never older than a write that was answered before they came', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        expect(faults(new Flights<Read>(LIMITS), steps)).toEqual([])
      }),
      { numRuns: 2_000 },
    )
  })

  // Whether the property can fail at all: each of these breaks one rule.
  it.each([
    [
      'a write closes no flight',
      class extends Flights<Read> {
        override closeAt(): void {}
      },
    ],
    [
      'a flight begins while a write is on its way',
      class extends Flights<Read> {
        override writeBegins(places: Write['places']): Write {
          const write = super.writeBegins(places)
          super.writeEnds(write)
          return write
        }
        override writeEnds(): void {}
      },
    ],
    [
      'flights stay when keys get other places',
      class extends Flights<Read> {
        override renumber(): void {}
      },
    ],
  ])('are caught when %s', (_bug, Broken) => {
    const { failed, counterexample } = isSound(() => new Broken(LIMITS))
    expect([failed, counterexample?.length]).toEqual([true, 1])
  })

  it('join one flight up to the limit; the next one begins another', () => {
    const flights = new Flights<string>(LIMITS)
    const first = flights.begin('q', 1)
    expect(['a', 'b', 'c', 'd'].map((rider) => flights.join('q', rider))).toEqual([
      true,
      true,
      true,
      false,
    ])
    const second = flights.begin('q', 1)
    expect(flights.join('q', 'e')).toBe(true)
    expect([first && flights.land(first), second && flights.land(second)]).toEqual([
      ['a', 'b', 'c'],
      ['e'],
    ])
    expect(flights.open).toBe(0)
  })

  it('go alone while there are as many flights as may be', () => {
    const flights = new Flights<string>(LIMITS)
    const begun = Array.from({ length: 9 }, (_, i) => flights.begin(`q${i}`, i))
    expect(begun.map((flight) => flight !== undefined)).toEqual([...new Array(8).fill(true), false])
    flights.land(begun[0] as Flight<string>)
    expect(flights.begin('q8', 8)).toBeDefined()
  })
})
