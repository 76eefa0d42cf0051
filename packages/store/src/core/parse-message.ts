import type { StoreMessage } from './messages.ts'

type Check = (value: unknown) => boolean

const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value)
const isText: Check = (value) => typeof value === 'string'
const isBytes: Check = (value) => value instanceof Uint8Array
const isBit: Check = (value) => value === 0 || value === 1
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)
const rowOf =
  (...checks: readonly Check[]): Check =>
  (value) =>
    Array.isArray(value) &&
    value.length === checks.length &&
    checks.every((check, i) => check(value[i]))
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || value === null || check(value)
const oneOf =
  (...allowed: readonly unknown[]): Check =>
  (value) =>
    allowed.includes(value)

/** A slot of this cluster; members that count otherwise are refused by their hello. */
const slotBelow =
  (slotCount: number): Check =>
  (value) =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) < slotCount

const numbers = listOf(isNumber)
const counts = listOf(isCount)

type Shape = Readonly<Record<string, Check>>

function shapesOf(slotCount: number): Readonly<Record<StoreMessage['t'], Shape>> {
  const slot = slotBelow(slotCount)
  const entry = rowOf(slot, isBytes, isBytes, isCount, isCount, isCount, isBit)
  const entries = listOf(entry)
  const flushes = listOf(rowOf(slot, isCount))
  const claim = rowOf(slot, isCount, isText)
  return {
    hi: {
      v: isCount,
      i: isText,
      z: isCount,
      w: isCount,
      n: isCount,
      c: isNumber,
      h: counts,
      s: numbers,
      f: flushes,
    },
    beat: { n: isCount, c: isNumber },
    hold: { s: counts, l: counts },
    drop: { s: counts },
    claim: { e: isNumber, s: counts },
    who: { s: counts, p: counts },
    ask: { id: isCount, e: isCount, s: counts, g: counts, l: counts, u: listOf(isText) },
    vote: { id: isCount, n: isCount, no: listOf(claim) },
    pull: { id: isCount, s: counts, g: counts },
    part: {
      id: isCount,
      k: isBit,
      es: entries,
      f: flushes,
      gr: counts,
      l: counts,
      g: counts,
      x: counts,
      end: isBit,
    },
    more: { id: isCount, k: isBit },
    w: { id: isCount, e: isNumber, r: entry },
    z: { id: isCount, e: isNumber, s: slot, n: isCount },
    a: { id: isCount },
    n: { id: isCount, why: oneOf('primary', 'full', 'clock'), p: isCount, c: optional(claim) },
    sum: { id: isCount, k: isBit, s: counts, g: counts, f: flushes },
    diff: { id: isCount, s: counts, no: counts },
    have: { id: isCount, es: listOf(rowOf(slot, isBytes, isCount, isCount)), f: flushes },
    lack: { id: isCount, i: counts, no: counts },
    merge: { id: isCount, es: entries, end: isBit },
    merged: { id: isCount, ok: isBit },
    c: { id: isCount, h: oneOf(1, 2), m: isNumber, s: slot, r: oneOf(2, 3), a: listOf(isBytes) },
    r: { id: isCount, b: isBytes },
    o: { id: isCount, c: optional(claim) },
    q: { id: isCount, op: oneOf('size', 'flush', 'keys', 'random'), m: isNumber, p: isBytes },
    share: { id: isCount, ok: isBit, n: isCount, ks: listOf(isBytes) },
  }
}

/**
 * Makes the check of what other members send: a structured value from the codec goes in, the message comes out, or
 * `undefined` when it is none. Unknown fields are ignored, so that later releases can add some; unknown kinds are refused.
 * O(size of the message), no copy.
 */
export function createMessageParser(
  slotCount: number,
): (value: unknown) => StoreMessage | undefined {
  const shapes = new Map<string, readonly (readonly [string, Check])[]>(
    Object.entries(shapesOf(slotCount)).map(([kind, shape]) => [kind, Object.entries(shape)]),
  )
  return (value) => {
    if (typeof value !== 'object' || value === null) return undefined
    const fields = value as Record<string, unknown>
    const shape = shapes.get(String(fields['t']))
    if (shape === undefined) return undefined
    for (const [field, check] of shape) if (!check(fields[field])) return undefined
    return value as StoreMessage
  }
}
