import { equalsText, indexOfByte } from './byte-text.ts'

const SLASH = 0x2f

/** A pattern of paths, such as `/rooms/:id`. It matches whole segments from the left: `/rooms/7/messages` too. */
export interface PathPattern {
  readonly text: string
  readonly segments: readonly PathSegment[]
  /** True if it has a `:name`. */
  readonly captures: boolean
}

type PathSegment =
  | { readonly type: 'literal'; readonly text: string }
  /** `:name` — one segment that is not empty. */
  | { readonly type: 'capture' }
  /** `:name+` — everything that follows, slashes included; the last segment. */
  | { readonly type: 'rest' }
  /** `*` — any one segment. */
  | { readonly type: 'any' }

const SEGMENTS_MAX = 32
const CHARACTERS_MAX = 1_024
const NAME = /^:[A-Za-z_][A-Za-z0-9_]*$/
const LITERAL = /^[^\s:*?#/]+$/

/** Reads a pattern; undefined when it is none. A pattern with several `:name`s captures from the first to the last. */
export function parsePathPattern(text: string): PathPattern | undefined {
  if (!text.startsWith('/') || text.length > CHARACTERS_MAX) return undefined
  const parts = text === '/' ? [] : text.slice(1).split('/')
  if (parts.length > SEGMENTS_MAX) return undefined
  const segments: PathSegment[] = []
  for (const [index, part] of parts.entries()) {
    const segment = parseSegment(part, index === parts.length - 1)
    if (segment === undefined) return undefined
    segments.push(segment)
  }
  const captures = segments.some(({ type }) => type === 'capture' || type === 'rest')
  return { text, segments, captures }
}

function parseSegment(part: string, isLast: boolean): PathSegment | undefined {
  if (part === '*') return { type: 'any' }
  if (NAME.test(part)) return { type: 'capture' }
  if (isLast && part.endsWith('+') && NAME.test(part.slice(0, -1))) return { type: 'rest' }
  return LITERAL.test(part) ? { type: 'literal', text: part } : undefined
}

/** Where a pattern found its capture. One object, filled over and over. */
export interface PathMatch {
  from: number
  to: number
}

/**
 * True if the path in `[from, to)` matches; `match` then spans from the first capture to the end of the last one.
 * Allocates nothing.
 */
export function matchPath(
  pattern: PathPattern,
  bytes: Uint8Array,
  from: number,
  to: number,
  match: PathMatch,
): boolean {
  match.from = -1
  match.to = -1
  let at = from
  for (const segment of pattern.segments) {
    if (bytes[at] !== SLASH || at >= to) return false
    const start = at + 1
    const end = segment.type === 'rest' ? to : indexOfByte(bytes, SLASH, start, to)
    if (start === end) return false
    if (segment.type === 'literal' && !equalsText(bytes, start, end, segment.text)) return false
    if (segment.type === 'capture' || segment.type === 'rest') {
      if (match.from === -1) match.from = start
      match.to = end
    }
    at = end
  }
  return true
}
