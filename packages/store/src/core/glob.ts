const STAR = 42
const QUESTION = 63
const OPEN = 91
const CLOSE = 93
const CARET = 94
const ESCAPE = 92
const DASH = 45

/**
 * Redis's glob match on bytes: `*`, `?`, `[abc]`, `[^a-z]`, `\` escapes. Backtracks to the last star only, so it takes
 * O(pattern × text) at worst.
 */
export function matchesGlob(pattern: Uint8Array, text: Uint8Array): boolean {
  let p = 0
  let t = 0
  let starAt = -1
  let starText = 0
  while (t < text.length) {
    if (pattern[p] === STAR) {
      starAt = p++
      starText = t
      continue
    }
    const next = p < pattern.length ? matchOne(pattern, p, text[t] ?? 0) : -1
    if (next !== -1) {
      p = next
      t++
    } else if (starAt !== -1) {
      p = starAt + 1
      t = ++starText
    } else return false
  }
  while (pattern[p] === STAR) p++
  return p === pattern.length
}

/** The index after the pattern element at `p` if it matches the byte, else -1. */
function matchOne(pattern: Uint8Array, p: number, byte: number): number {
  const code = pattern[p]
  if (code === QUESTION) return p + 1
  if (code === OPEN) return matchClass(pattern, p + 1, byte)
  if (code === ESCAPE && p + 1 < pattern.length) return pattern[p + 1] === byte ? p + 2 : -1
  return code === byte ? p + 1 : -1
}

/** An unclosed class reaches to the end of the pattern, as in Redis. */
function matchClass(pattern: Uint8Array, start: number, byte: number): number {
  let p = start
  const negated = pattern[p] === CARET
  if (negated) p++
  let found = false
  for (; p < pattern.length && pattern[p] !== CLOSE; p++) {
    if (pattern[p] === ESCAPE && p + 1 < pattern.length) {
      p++
      if (pattern[p] === byte) found = true
    } else if (pattern[p + 1] === DASH && p + 2 < pattern.length) {
      const a = pattern[p] ?? 0
      const b = pattern[p + 2] ?? 0
      if (byte >= Math.min(a, b) && byte <= Math.max(a, b)) found = true
      p += 2
    } else if (pattern[p] === byte) found = true
  }
  return found === negated ? -1 : Math.min(p + 1, pattern.length)
}
