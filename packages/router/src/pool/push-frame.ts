/** The bulk strings of a push of Redis's publish and subscribe, as offsets into its bytes. */
export interface PushFrame {
  readonly count: number
  readonly from: readonly number[]
  readonly to: readonly number[]
}

const CR = 0x0d
const BULK = 0x24
const ZERO = 0x30
const NINE = 0x39
/** `pmessage` has four. */
const ELEMENTS_MAX = 4

/** Reads `>3 $… $… $…` up to its first element that is no bulk string; the scanner has found it complete. */
export function readPush(bytes: Buffer, start: number, end: number): PushFrame {
  const from: number[] = []
  const to: number[] = []
  let at = lineEnd(bytes, start, end)
  while (at < end && from.length < ELEMENTS_MAX && bytes[at] === BULK) {
    let length = 0
    let digit = at + 1
    for (; digit < end && bytes[digit] !== CR; digit++) {
      const byte = bytes[digit] as number
      if (byte < ZERO || byte > NINE) return { count: from.length, from, to }
      length = length * 10 + byte - ZERO
    }
    from.push(digit + 2)
    to.push(digit + 2 + length)
    at = digit + 2 + length + 2
  }
  return { count: from.length, from, to }
}

function lineEnd(bytes: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] !== CR) at++
  return at + 2
}
