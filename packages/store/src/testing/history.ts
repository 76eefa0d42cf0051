/** One operation of a client on one key. `end` is Infinity when it was never answered, or answered "unknown". */
export interface Operation {
  readonly key: string
  readonly kind: 'read' | 'write' | 'increment'
  readonly via: string
  readonly start: number
  end: number
  /** Written or read; undefined is "no value". For an increment: the reply. */
  value: string | undefined
  /** `failed`: certainly not applied, or not answered and without effect (reads). */
  status: 'pending' | 'done' | 'unknown' | 'failed'
}

export interface Violation {
  readonly rule: string
  readonly key: string
  readonly detail: string
}

const show = (operation: Operation): string =>
  `${operation.kind} ${operation.value ?? 'nil'} via ${operation.via} [${operation.start}, ${operation.end}] ${operation.status}`

/**
 * Judges what clients saw, key by key. Written values are unique, so a value names its write.
 *
 * - A value that was read was written, and its write began before the read ended.
 * - Between that write and the read no other write lies as a whole: else the read is stale, or an acknowledged write lost.
 * - Once a later value was seen, the earlier one is not seen again.
 * - Counters: replies are distinct and grow with time, no read is below an acknowledged reply that came before it, and
 *   nothing is counted twice.
 */
export function judge(operations: readonly Operation[]): Violation[] {
  const byKey = new Map<string, Operation[]>()
  for (const operation of operations) {
    if (operation.status === 'failed' || operation.status === 'pending') continue
    const list = byKey.get(operation.key)
    if (list === undefined) byKey.set(operation.key, [operation])
    else list.push(operation)
  }
  const violations: Violation[] = []
  for (const [key, list] of byKey)
    violations.push(
      ...(list.some((o) => o.kind === 'increment')
        ? judgeCounter(key, list)
        : judgeRegister(key, list)),
    )
  return violations
}

interface Write {
  readonly operation: Operation | undefined
  readonly value: string | undefined
  readonly start: number
  /** When it certainly had taken effect: acknowledged, or its value was seen. */
  effective: number
}

function judgeRegister(key: string, list: readonly Operation[]): Violation[] {
  const violations: Violation[] = []
  const writes: Write[] = [{ operation: undefined, value: undefined, start: -1, effective: -1 }]
  const byValue = new Map<string, Write>()
  for (const operation of list) {
    if (operation.kind !== 'write') continue
    const write: Write = {
      operation,
      value: operation.value,
      start: operation.start,
      effective: operation.status === 'done' ? operation.end : Number.POSITIVE_INFINITY,
    }
    writes.push(write)
    if (operation.value !== undefined) byValue.set(operation.value, write)
  }
  const reads = list.filter((o) => o.kind === 'read' && o.status === 'done')
  for (const read of reads) {
    const write = read.value === undefined ? undefined : byValue.get(read.value)
    if (write !== undefined) write.effective = Math.min(write.effective, read.end)
  }
  // Writes that certainly took effect, by the time they had.
  const settled = writes.filter((w) => w.effective < Number.POSITIVE_INFINITY)
  const overwriter = (source: Write, read: Operation): Write | undefined =>
    settled.find((w) => w.start > source.effective && w.effective < read.start && w !== source)
  for (const read of reads) {
    if (read.value !== undefined) {
      const source = byValue.get(read.value)
      if (source === undefined || source.start > read.end) {
        violations.push({ rule: 'wrong value', key, detail: show(read) })
        continue
      }
      const later = overwriter(source, read)
      if (later?.operation !== undefined)
        violations.push({
          rule: later.value === undefined ? 'deleted key returned' : 'stale read or lost write',
          key,
          detail: `${show(read)} although ${show(later.operation)}`,
        })
      continue
    }
    const sources = writes.filter((w) => w.value === undefined && w.start < read.end)
    const explained = sources.some((source) => overwriterOfNil(source, settled, read) === undefined)
    if (!explained)
      violations.push({
        rule: 'nil for an existing key',
        key,
        detail: `${show(read)}; last written ${show(lastBefore(settled, read)?.operation ?? read)}`,
      })
  }
  violations.push(...judgeOrder(key, reads))
  return violations
}

/** A write of a value between a deletion and the read, which the read should have seen. */
function overwriterOfNil(
  source: Write,
  settled: readonly Write[],
  read: Operation,
): Write | undefined {
  return settled.find(
    (w) => w.value !== undefined && w.start > source.effective && w.effective < read.start,
  )
}

const lastBefore = (settled: readonly Write[], read: Operation): Write | undefined =>
  settled.filter((w) => w.effective < read.start).sort((a, b) => b.effective - a.effective)[0]

/** A value that was replaced, by the evidence of reads, is not seen again. */
function judgeOrder(key: string, reads: readonly Operation[]): Violation[] {
  const violations: Violation[] = []
  const lastSeen = new Map<string, Operation>()
  const firstSeen = new Map<string, Operation>()
  for (const read of reads) {
    if (read.value === undefined) continue
    const last = lastSeen.get(read.value)
    if (last === undefined || read.start > last.start) lastSeen.set(read.value, read)
    const first = firstSeen.get(read.value)
    if (first === undefined || read.end < first.end) firstSeen.set(read.value, read)
  }
  for (const read of reads) {
    if (read.value === undefined) continue
    const first = firstSeen.get(read.value)
    const last = lastSeen.get(read.value)
    if (first === undefined || last === undefined || first === last) continue
    // Another value seen wholly between two sightings of this one.
    const between = reads.find(
      (r) =>
        r.value !== undefined &&
        r.value !== read.value &&
        r.start > first.end &&
        r.end < last.start,
    )
    if (between !== undefined) {
      violations.push({
        rule: 'reads go backwards',
        key,
        detail: `${show(first)}, then ${show(between)}, then ${show(last)}`,
      })
      return violations
    }
  }
  return violations
}

function judgeCounter(key: string, list: readonly Operation[]): Violation[] {
  const violations: Violation[] = []
  const increments = list.filter((o) => o.kind === 'increment')
  const done = increments.filter((o) => o.status === 'done')
  const seen = list
    .filter((o) => o.status === 'done')
    .map((operation) => ({ operation, count: Number(operation.value ?? 0) }))
  const replies = new Map<number, Operation>()
  for (const operation of done) {
    const count = Number(operation.value)
    const other = replies.get(count)
    if (other !== undefined)
      violations.push({
        rule: 'lost increment',
        key,
        detail: `${show(other)} and ${show(operation)}`,
      })
    replies.set(count, operation)
  }
  for (const { operation, count } of seen) {
    const floor = seen.find((o) => o.operation.end < operation.start && o.count > count)
    if (floor !== undefined)
      violations.push({
        rule: 'counter goes backwards',
        key,
        detail: `${show(floor.operation)}, then ${show(operation)}`,
      })
    const begun = increments.filter((o) => o.start <= operation.end).length
    if (count > begun)
      violations.push({ rule: 'counted twice', key, detail: `${show(operation)}, ${begun} begun` })
    const before = done.filter((o) => o.end < operation.start).length
    if (count < before)
      violations.push({
        rule: 'lost increment',
        key,
        detail: `${show(operation)}, ${before} acknowledged`,
      })
  }
  return violations
}
