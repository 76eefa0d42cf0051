/** LZW (reference §1.6) written for clarity, to compare with: bytes, or why there are none. */
export function referenceInflate(
  source: Uint8Array,
  bytesMax: number,
): Uint8Array | 'broken' | 'too long' {
  const output: number[] = []
  let table: (readonly number[] | undefined)[] = []
  let width = 9
  let high = 257
  let last: readonly number[] | undefined
  let bit = 0
  const reset = () => {
    table = Array.from({ length: 256 }, (_, byte) => [byte])
    width = 9
    high = 257
    last = undefined
  }
  reset()
  for (;;) {
    if (bit + width > source.length * 8) return 'broken'
    let code = 0
    for (let index = 0; index < width; index += 1, bit += 1) {
      code |= (((source[bit >> 3] ?? 0) >> (bit & 7)) & 1) << index
    }
    if (code === 257) return Uint8Array.from(output)
    if (code === 256) {
      reset()
      continue
    }
    if (code > high) return 'broken'
    let run: readonly number[] | undefined
    if (code === high && last !== undefined) run = [...last, last[0] ?? 0]
    else run = table[code]
    // Just behind a clear, the next code is nothing yet; Go leaves what it expands to open.
    if (run === undefined) return 'broken'
    if (output.length + run.length > bytesMax) return 'too long'
    for (const byte of run) output.push(byte)
    if (last !== undefined) table[high] = [...last, run[0] ?? 0]
    last = run
    high += 1
    if (high < 2 ** width) continue
    if (width === 12) {
      last = undefined
      high -= 1
    } else width += 1
  }
}
