/**
 * Compact lists for messages. Slots come in ascending order as ranges `[first, length, …]`, because hand-overs and
 * claims move neighbours together; per-slot numbers as runs `[value, count, …]`, because one founding claim covers all.
 */

export function packRanges(slots: readonly number[]): number[] {
  const packed: number[] = []
  let first = -1
  let length = 0
  for (const slot of slots) {
    if (length > 0 && slot === first + length) {
      length++
      continue
    }
    if (length > 0) packed.push(first, length)
    first = slot
    length = 1
  }
  if (length > 0) packed.push(first, length)
  return packed
}

/** The slots of `ranges` below `slotCount`, in the order given; whatever a peer sends, at most `slotCount` of them. */
export function unpackRanges(ranges: readonly number[], slotCount: number): number[] {
  const slots: number[] = []
  for (let i = 0; i + 1 < ranges.length; i += 2) {
    const first = ranges[i] ?? 0
    const end = Math.min(first + (ranges[i + 1] ?? 0), slotCount)
    for (let slot = Math.max(0, first); slot < end && slots.length < slotCount; slot++)
      slots.push(slot)
  }
  return slots
}

export function packRuns(values: Iterable<number>): number[] {
  const packed: number[] = []
  let value = 0
  let count = 0
  for (const next of values) {
    if (count > 0 && next === value) {
      count++
      continue
    }
    if (count > 0) packed.push(value, count)
    value = next
    count = 1
  }
  if (count > 0) packed.push(value, count)
  return packed
}

/** At most `lengthMax` numbers. */
export function unpackRuns(runs: readonly number[], lengthMax: number): number[] {
  const values: number[] = []
  for (let i = 0; i + 1 < runs.length; i += 2) {
    const value = runs[i] ?? 0
    const count = Math.min(runs[i + 1] ?? 0, lengthMax - values.length)
    for (let n = 0; n < count; n++) values.push(value)
  }
  return values
}
