import { type PathPattern, parsePathPattern } from './path-pattern.ts'

/** Where a request's session key may be. */
export type SessionSource =
  /** A cookie that the application or the client sets. Names compare with their case. */
  | { readonly type: 'cookie'; readonly name: string }
  /** A header; `name` is in lower case. */
  | { readonly type: 'header'; readonly name: string }
  /** A parameter of the query string, as it is written there: percent signs are not decoded. */
  | { readonly type: 'query'; readonly name: string }
  | { readonly type: 'path'; readonly pattern: PathPattern }
  | { readonly type: 'host' }
  | { readonly type: 'ip' }

/** Sources of one route, at most; one more is a configuration error. */
export const SESSION_SOURCES_MAX = 8

export const SESSION_SOURCE_ALLOWED =
  'cookie:NAME, header:NAME, query:NAME, path:/PATTERN/:id, host or ip'

/** A token of HTTP: what names of headers and cookies are made of. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/
/** A name in a query string, as it is written there. */
const QUERY_NAME = /^[^\s&=#]{1,128}$/

/** Reads `cookie:sid`, `header:x-user`, `query:room`, `path:/rooms/:id`, `host`, `ip`; undefined for anything else. */
export function parseSessionSource(text: string): SessionSource | undefined {
  if (text === 'host' || text === 'ip') return { type: text }
  const colon = text.indexOf(':')
  const kind = text.slice(0, Math.max(colon, 0))
  const rest = text.slice(colon + 1)
  switch (kind) {
    case 'cookie':
      return TOKEN.test(rest) ? { type: 'cookie', name: rest } : undefined
    case 'header':
      return TOKEN.test(rest) ? { type: 'header', name: rest.toLowerCase() } : undefined
    case 'query':
      return QUERY_NAME.test(rest) ? { type: 'query', name: rest } : undefined
    case 'path': {
      const pattern = parsePathPattern(rest)
      return pattern?.captures ? { type: 'path', pattern } : undefined
    }
    default:
      return undefined
  }
}

/** As {@link parseSessionSource} reads it. */
export function formatSessionSource(source: SessionSource): string {
  switch (source.type) {
    case 'host':
    case 'ip':
      return source.type
    case 'path':
      return `path:${source.pattern.text}`
    default:
      return `${source.type}:${source.name}`
  }
}
