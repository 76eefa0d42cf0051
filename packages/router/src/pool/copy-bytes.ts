/** Below this length a loop is faster than the call into the runtime. */
const LOOP_BYTES_MAX = 24

/** Copies `from[start, end)` to `to` at `at`. */
export function copyBytes(from: Buffer, start: number, end: number, to: Buffer, at: number): void {
  if (end - start > LOOP_BYTES_MAX) {
    from.copy(to, at, start, end)
    return
  }
  for (let i = start, j = at; i < end; i++, j++) to[j] = from[i] as number
}
