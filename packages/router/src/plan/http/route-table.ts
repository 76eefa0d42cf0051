import { equalsIgnoringCase, equalsText } from './byte-text.ts'
import type { HttpRequestView } from './http-request-view.ts'

/** What a route matches; absent parts match everything. */
export interface RouteMatch {
  /** `shop.example`, or `*.shop.example` for every name below it; in lower case, without port. */
  readonly host?: string | undefined
  /** A prefix by whole segments: `/api` matches `/api`, `/api/x` and `/api?x`, not `/apis`. */
  readonly path?: string | undefined
}

const COLON = 0x3a
const DOT = 0x2e
const SLASH = 0x2f
const QUESTION = 0x3f
const BRACKET_CLOSE = 0x5d

/**
 * Finds the route of a request: by exact host, then the longest wildcard, then any host; among those by the longest path;
 * among equals the first. The path is compared as it is written: routes choose a pool, they are no access control.
 */
export class RouteTable {
  /** Indexes of routes, the most specific one first. */
  readonly #order: readonly number[]
  readonly #routes: readonly RouteMatch[]
  readonly #onlyOne: boolean

  constructor(routes: readonly RouteMatch[]) {
    this.#routes = routes
    this.#order = routes.map((_, index) => index).sort((a, b) => compare(routes, a, b))
    this.#onlyOne = routes.length === 1 && routes[0]?.host === undefined && !routes[0]?.path
  }

  /** An index into the routes, or -1. O(routes), no allocation. */
  match(request: HttpRequestView): number {
    if (this.#onlyOne) return 0
    const { bytes, hostFrom, targetFrom, targetTo } = request
    const hostTo = nameEnd(bytes, hostFrom, request.hostTo)
    for (const index of this.#order) {
      const { host, path } = this.#routes[index] as RouteMatch
      if (host !== undefined && !matchesHost(host, bytes, hostFrom, hostTo)) continue
      if (path === undefined || matchesPath(path, bytes, targetFrom, targetTo)) return index
    }
    return -1
  }
}

function compare(routes: readonly RouteMatch[], a: number, b: number): number {
  return (
    hostRank(routes[b]) - hostRank(routes[a]) || pathRank(routes[b]) - pathRank(routes[a]) || a - b
  )
}

function hostRank(route: RouteMatch | undefined): number {
  const host = route?.host
  if (host === undefined) return -1
  return host.startsWith('*.') ? host.length : Number.MAX_SAFE_INTEGER
}

function pathRank(route: RouteMatch | undefined): number {
  return route?.path?.length ?? -1
}

function nameEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let at = to - 1; at >= from; at--) {
    if (bytes[at] === BRACKET_CLOSE) break
    if (bytes[at] === COLON) return at
  }
  return to
}

function matchesHost(host: string, bytes: Uint8Array, from: number, to: number): boolean {
  if (!host.startsWith('*.')) return equalsIgnoringCase(bytes, from, to, host)
  const suffixFrom = to - (host.length - 1)
  return (
    suffixFrom > from &&
    bytes[suffixFrom] === DOT &&
    equalsIgnoringCase(bytes, suffixFrom, to, host.slice(1))
  )
}

function matchesPath(path: string, bytes: Uint8Array, from: number, to: number): boolean {
  const prefixTo = from + path.length
  if (prefixTo > to || !equalsText(bytes, from, prefixTo, path)) return false
  if (path.endsWith('/') || prefixTo === to) return true
  return bytes[prefixTo] === SLASH || bytes[prefixTo] === QUESTION
}
