import type { ResponseHead } from '../codec/http1/response-head.ts'
import { formatSetCookie } from '../plan/http/cookie-settings.ts'
import type { HttpRequestView } from '../plan/http/http-request-view.ts'
import {
  ENGINE_IO_BYTES_MAX,
  learnFromEngineIo,
  learnFromHead,
} from '../plan/http/learned-session.ts'
import { planSticky } from '../plan/http/stickiness.ts'
import type { Exchange } from '../pool/exchange.ts'
import type { HttpBackend } from '../pool/http-backend.ts'
import type { HttpPool } from '../pool/http-pool.ts'
import type { HttpHost } from './http-host.ts'
import type { Route } from './http-routing.ts'

/** What a request is, besides its session. */
export interface RequestFacts {
  readonly idempotent: boolean
  readonly headRequest: boolean
  readonly upgrade: boolean
}

/** Where a response waits while other routers are told of its session. */
export interface HeldOutput {
  holdOutput(): void
  releaseOutput(): void
}

/** The written request: `bytes[0, to)`. */
export interface WrittenRequest {
  readonly bytes: Buffer
  readonly to: number
  /** True without a body. */
  readonly done: boolean
}

const NOTHING = Buffer.alloc(0)

/** The session of the present request: finds its backend before, and binds it after. One per exchange. */
export class Stickiness {
  readonly #host: HttpHost
  readonly #exchange: Exchange
  readonly #output: HeldOutput
  #route: Route | undefined
  #pool: HttpPool | undefined
  /** A cookie has to be set, or a session learned. */
  #binds = false
  #bound: HttpBackend | undefined
  #learnsFromBody = false

  constructor(host: HttpHost, exchange: Exchange, output: HeldOutput) {
    this.#host = host
    this.#exchange = exchange
    this.#output = output
  }

  /** Finds the session and begins the exchange. */
  begin(
    route: Route,
    pool: HttpPool,
    view: HttpRequestView,
    facts: RequestFacts,
    request: WrittenRequest,
  ): void {
    this.#route = route
    this.#pool = pool
    this.#bound = undefined
    this.#learnsFromBody = false
    this.#binds = route.sticky === 'learned'
    let placing = route.sticky !== 'hash'
    if (route.sticky === 'pinned') placing = this.#readCookie(route, pool, view)
    const { key } = route
    if (key.find(view)) this.#exchange.setKey(key.bytes, key.from, key.to)
    else this.#exchange.setKey(NOTHING, -1, -1)
    const { sessions } = this.#host
    const asking =
      this.#binds && route.sticky === 'learned' && key.source >= 0 && sessions !== undefined
    const session = asking ? latin1(key.bytes, key.from, key.to) : ''
    this.#exchange.begin(
      // Written out: objects that are spread cost more than the rest of this function.
      {
        pool,
        idempotent: facts.idempotent,
        headRequest: facts.headRequest,
        upgrade: facts.upgrade,
        bound: this.#bound,
        placing,
        asking,
      },
      request.bytes,
      0,
      request.to,
      request.done,
    )
    if (asking) this.#ask(pool, session)
  }

  /** Field lines to add to a response. */
  answer(head: ResponseHead, bytes: Buffer, overTls: boolean): Buffer {
    const { backend } = this.#exchange
    if (!this.#binds || backend === undefined) return NOTHING
    const route = this.#route
    const pool = this.#pool
    if (route === undefined || pool === undefined) return NOTHING
    if (route.sticky === 'pinned') return this.#cookieFor(route, pool, backend, overTls)
    this.#learn(route, pool, head, bytes, backend)
    return NOTHING
  }

  /** The beginning of a body may name the session. */
  data(bytes: Buffer, from: number, to: number): void {
    if (!this.#learnsFromBody) return
    this.#learnsFromBody = false
    const { backend } = this.#exchange
    const beginning = bytes.subarray(from, Math.min(to, from + ENGINE_IO_BYTES_MAX))
    const session = learnFromEngineIo(withoutChunkSize(beginning))
    if (session !== undefined && backend !== undefined && this.#pool !== undefined)
      this.#put(this.#pool, session, backend)
  }

  /** True when the session is to be placed. */
  #readCookie(route: Route, pool: HttpPool, view: HttpRequestView): boolean {
    const { key } = route
    const found = key.cookie(view, route.cookie.name)
    const binding = found
      ? pool.cookies.read(latin1(key.bytes, key.from, key.to), this.#host.wallMs())
      : ({ type: 'none' } as const)
    const backend = binding.type === 'bound' ? pool.backend(binding.backend) : undefined
    const plan = planSticky(binding, backend?.state)
    if (plan.type === 'place') {
      this.#binds = true
      return true
    }
    this.#bound = backend
    this.#binds = plan.renew
    return false
  }

  #cookieFor(route: Route, pool: HttpPool, backend: HttpBackend, overTls: boolean): Buffer {
    // A session that was served elsewhere for once keeps its own backend.
    if (this.#bound !== undefined && this.#bound !== backend) return NOTHING
    const value = pool.cookies.issue(backend.id, this.#host.wallMs())
    if (value === undefined) return NOTHING
    return Buffer.from(`Set-Cookie: ${formatSetCookie(route.cookie, value, overTls)}\r\n`, 'latin1')
  }

  #ask(pool: HttpPool, session: string): void {
    const { number } = this.#exchange
    this.#host.sessions?.get(pool.name, session, (id) => {
      if (this.#exchange.number !== number) return
      const backend = id === undefined ? undefined : pool.backend(id)
      const stays = backend !== undefined && backend.state !== 'out'
      this.#bound = stays ? backend : undefined
      this.#exchange.proceed(this.#bound, !stays)
    })
  }

  #learn(
    route: Route,
    pool: HttpPool,
    head: ResponseHead,
    bytes: Buffer,
    backend: HttpBackend,
  ): void {
    const { fields } = head
    const session = learnFromHead(
      { bytes, headerCount: fields.count, headers: fields.offsets },
      route.places,
    )
    if (session !== undefined) this.#put(pool, session, backend)
    else this.#learnsFromBody = route.places.some(({ type }) => type === 'engine.io')
  }

  #put(pool: HttpPool, session: string, backend: HttpBackend): void {
    const { sessions } = this.#host
    if (sessions === undefined) return
    this.#output.holdOutput()
    sessions.put(pool.name, session, backend.id, () => this.#output.releaseOutput())
  }
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1')
}

/** A first chunk as it came: its data begins after the first line. */
function withoutChunkSize(bytes: Buffer): Buffer {
  const line = /^[0-9a-f]{1,8}\r\n/i.exec(bytes.toString('latin1', 0, 16))?.[0] ?? ''
  return bytes.subarray(line.length)
}
