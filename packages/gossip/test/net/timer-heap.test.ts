import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TimerHeap } from '../../src/net/timer-heap.ts'

const steps = fc.array(
  fc.oneof(
    fc.record({ op: fc.constant('set'), key: fc.nat(12), at: fc.nat(100) }),
    fc.record({ op: fc.constant('clear'), key: fc.nat(12), at: fc.constant(0) }),
    fc.record({ op: fc.constant('take'), key: fc.constant(0), at: fc.nat(100) }),
  ),
  { maxLength: 200 },
)

describe('the timer heap', () => {
  it('behaves like a map of deadlines from which the earliest due one is taken', () => {
    fc.assert(
      fc.property(steps, (script) => {
        const heap = new TimerHeap()
        const model = new Map<string, number>()
        for (const { op, key, at } of script) {
          if (op === 'set') {
            heap.set(`k${key}`, at)
            model.set(`k${key}`, at)
          } else if (op === 'clear') {
            heap.clear(`k${key}`)
            model.delete(`k${key}`)
          } else {
            const earliest = Math.min(...model.values())
            const taken = heap.takeDue(at)
            if (earliest > at) expect(taken).toBeUndefined()
            else {
              expect(model.get(taken ?? '')).toBe(earliest)
              model.delete(taken ?? '')
            }
          }
          expect(heap.size).toBe(model.size)
          expect(heap.nextAt).toBe(model.size === 0 ? undefined : Math.min(...model.values()))
        }
      }),
    )
  })
})
