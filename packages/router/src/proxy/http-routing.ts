import type { RequestHead } from '../codec/http1/request-head.ts'
import { RouterError } from '../errors.ts'
import { COOKIE_SETTINGS, type CookieSettings } from '../plan/http/cookie-settings.ts'
import type { HttpRequestView } from '../plan/http/http-request-view.ts'
import type { HttpRoute } from '../plan/http/http-route.ts'
import { type SessionIdPlace, sessionIdPlace } from '../plan/http/learned-session.ts'
import { RouteTable } from '../plan/http/route-table.ts'
import { SessionKey } from '../plan/http/session-key.ts'
import { parseSessionSource, SESSION_SOURCE_ALLOWED } from '../plan/http/session-source.ts'
import type { Sticky } from '../plan/http/stickiness.ts'

/** A route, ready to be asked. */
export interface Route {
  readonly pool: string
  readonly sticky: Sticky
  readonly key: SessionKey
  readonly cookie: CookieSettings
  /** Where responses name the session. */
  readonly places: readonly SessionIdPlace[]
}

/** The routes of one listener, and the view through which they read requests. */
export class Routing {
  readonly view = new RequestView()
  readonly #table: RouteTable
  readonly #routes: readonly Route[]

  /** @throws RouterError ROUTE_INVALID, naming the source that cannot be read */
  constructor(routes: readonly HttpRoute[]) {
    this.#table = new RouteTable(routes)
    this.#routes = routes.map(compile)
  }

  /** The route of the request that the view shows. */
  match(): Route | undefined {
    return this.#routes[this.#table.match(this.view)]
  }
}

/** A parsed head as routing reads it; filled again for each request. */
export class RequestView implements HttpRequestView {
  bytes: Uint8Array = new Uint8Array()
  targetFrom = 0
  targetTo = 0
  hostFrom = 0
  hostTo = 0
  headerCount = 0
  headers: Int32Array = new Int32Array()
  clientIp = ''

  show(head: RequestHead, bytes: Uint8Array, clientIp: string): void {
    this.bytes = bytes
    this.targetFrom = head.targetFrom
    this.targetTo = head.targetTo
    this.hostFrom = head.authorityFrom
    this.hostTo = head.authorityTo
    this.headerCount = head.fields.count
    this.headers = head.fields.offsets
    this.clientIp = clientIp
  }
}

function compile(route: HttpRoute): Route {
  const sources = (route.key ?? []).map((text) => {
    const source = parseSessionSource(text)
    if (source !== undefined) return source
    throw new RouterError(
      'ROUTE_INVALID',
      `route to pool "${route.pool}": found the key source ${JSON.stringify(text)}; allowed: ${SESSION_SOURCE_ALLOWED}`,
      { pool: route.pool, source: text },
    )
  })
  return {
    pool: route.pool,
    sticky: route.sticky ?? 'hash',
    key: new SessionKey(sources),
    cookie: { ...COOKIE_SETTINGS, ...route.cookie },
    places: sources.map(sessionIdPlace).filter((place) => place !== undefined),
  }
}
