/**
 * Whether a text matches a pattern of KEYS, PSUBSCRIBE or CONFIG GET, as Redis's `stringmatchlen` does: `*`, `?`, `[a-z]`,
 * `[^a]`, and `\` before a character that stands for itself. Both are compared byte by byte, so strings are `latin1`.
 *
 * A star that turns out too short is retried from its last position only, so the time is O(text × pattern), never more.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  let at = 0
  let textAt = 0
  let star = -1
  let starText = 0
  while (textAt < text.length) {
    if (pattern[at] === '*') {
      star = at++
      starText = textAt
      continue
    }
    const next = at < pattern.length ? matchOne(pattern, at, text[textAt] as string) : -1
    if (next >= 0) {
      at = next
      textAt++
    } else if (star >= 0) {
      at = star + 1
      textAt = ++starText
    } else return false
  }
  while (pattern[at] === '*') at++
  return at >= pattern.length
}

/** Where the pattern goes on after it matched one character, or -1. */
function matchOne(pattern: string, at: number, character: string): number {
  const mark = pattern[at]
  if (mark === '?') return at + 1
  if (mark === '[') return matchClass(pattern, at + 1, character)
  const plain = mark === '\\' && at + 1 < pattern.length ? at + 1 : at
  return pattern[plain] === character ? plain + 1 : -1
}

function matchClass(pattern: string, from: number, character: string): number {
  let at = from
  const negated = pattern[at] === '^'
  if (negated) at++
  let found = false
  // A class that is never closed ends with the pattern.
  while (at < pattern.length && pattern[at] !== ']') {
    if (pattern[at] === '\\' && at + 1 < pattern.length) at++
    const low = pattern[at] as string
    if (pattern[at + 1] === '-' && at + 2 < pattern.length) {
      const high = pattern[at + 2] as string
      found ||= low <= high ? inside(character, low, high) : inside(character, high, low)
      at += 3
    } else {
      found ||= low === character
      at++
    }
  }
  return found === negated ? -1 : at + 1
}

function inside(character: string, low: string, high: string): boolean {
  return character >= low && character <= high
}
