import { type Balance, createBalancer } from '../balance/balance.ts'
import type { Balancer } from '../balance/balanced-backend.ts'
import {
  LOAD_FACTOR,
  PLAIN_PLACING,
  type PlacingOptions,
  RingPlacing,
} from '../balance/ring-placing.ts'
import { EJECT_PERCENT_MAX } from '../health/ejection-cap.ts'
import { OUTLIER_LIMITS, Outliers } from '../health/outliers.ts'
import { type Mac, StickyCookies } from '../plan/http/sticky-cookie.ts'
import type { HttpCheckTopology, HttpPoolTopology, PoolTopology } from '../topology.ts'
import { HttpBackend, type HttpBackendOwner, type HttpBackendTools } from './http-backend.ts'
import { KeyRing } from './key-ring.ts'
import type { LostCause } from './lost-cause.ts'
import type { PoolEvent } from './static-pool.ts'

export interface HttpPoolTools extends HttpBackendTools {
  readonly mac: Mac
  /** Keys of sticky cookies, the one that signs first. */
  readonly stickyKeys: () => readonly Uint8Array[]
  readonly log: (event: PoolEvent) => void
}

/** How long requests may go on at a drained backend, unless the pool says otherwise. */
const DRAIN_TIMEOUT_MS = 30_000
const EMPTY_HTTP: HttpPoolTopology = {}
/** How long a sticky cookie is believed, unless the pool says otherwise. */
const COOKIE_MAX_AGE_MS = 7 * 24 * 3_600_000

/**
 * A pool of HTTP backends: chooses one for a key or by balance. What happens to a request after that is the business of
 * its exchange.
 */
export class HttpPool implements HttpBackendOwner {
  readonly name: string
  readonly counters = { requests: 0, errors: 0, failovers: 0 }
  readonly cookies: StickyCookies
  check: HttpCheckTopology | undefined
  drainTimeoutMs = DRAIN_TIMEOUT_MS

  readonly #tools: HttpPoolTools
  readonly #ring = new KeyRing()
  readonly #outliers = new Outliers({ ...OUTLIER_LIMITS, ejectPercentMax: EJECT_PERCENT_MAX })
  #placing: RingPlacing
  #placingOptions: PlacingOptions = PLAIN_PLACING
  #balance: Balance = 'hash'
  #balancer: Balancer
  #http: HttpPoolTopology = EMPTY_HTTP
  #backends = new Map<string, HttpBackend>()
  /** In the order of the ring's nodes. */
  #byIndex: HttpBackend[] = []
  readonly #drained = new Set<HttpBackend>()

  constructor(topology: PoolTopology, tools: HttpPoolTools) {
    this.name = topology.name
    this.#tools = tools
    this.#placing = new RingPlacing(this.#ring.ring, [])
    this.#balancer = createBalancer('hash', tools.random)
    this.cookies = new StickyCookies({
      pool: topology.name,
      maxAgeMs: topology.http?.cookieMaxAgeMs ?? COOKIE_MAX_AGE_MS,
      mac: tools.mac,
    })
    this.takeKeys()
    this.update(topology)
  }

  /** Backends in the order of the ring. */
  get backends(): readonly HttpBackend[] {
    return this.#byIndex
  }

  /** A backend by its id, also one that is drained but still in the pool. */
  backend(id: string): HttpBackend | undefined {
    return this.#backends.get(id)
  }

  /** Takes the keys of sticky cookies as they are now. */
  takeKeys(): void {
    this.cookies.setKeys(this.#tools.stickyKeys(), Date.now())
  }

  /** Takes a newer topology: unchanged backends keep their connections, removed ones are drained. */
  update(topology: PoolTopology): void {
    const checkBefore = JSON.stringify(this.check)
    this.#takeSettings(topology.http ?? EMPTY_HTTP)
    const sameCheck = checkBefore === JSON.stringify(this.check)
    const before = this.#backends
    const after = new Map<string, HttpBackend>()
    for (const wanted of topology.backends) {
      const known = before.get(wanted.id)
      const same =
        known !== undefined &&
        known.host === wanted.host &&
        known.port === wanted.port &&
        known.zone === wanted.zone &&
        JSON.stringify(known.access) === JSON.stringify(wanted.access ?? {})
      if (same) {
        known.weight = wanted.weight
        known.setState(wanted.state)
        if (!sameCheck) known.takeCheck()
        after.set(wanted.id, known)
      } else {
        const backend = new HttpBackend(wanted, this, this.#tools)
        backend.takeCheck()
        after.set(wanted.id, backend)
      }
    }
    this.#ring.update(topology)
    this.#backends = after
    this.#byIndex = this.#ring.nodes
      .map((node) => after.get(node.id))
      .filter((backend) => backend !== undefined)
    this.#placing.follow(this.#ring.ring, this.#byIndex)
    this.#outliers.follow([...after.keys()])
    this.cookies.setBackends([...after.keys()])
    for (const [id, backend] of before) if (after.get(id) !== backend) this.#retire(backend)
  }

  /**
   * The backend for a request, or undefined when none is left.
   * @param tried backends that failed for this request
   * @param placing true when a session is placed that is bound afterwards
   */
  choose(
    key: Buffer | undefined,
    tried: readonly HttpBackend[],
    placing: boolean,
  ): HttpBackend | undefined {
    const byKey = key !== undefined && (this.#balance === 'hash' || !placing)
    const index = byKey
      ? this.#placing.place(key, tried, placing ? this.#sessionPlacing : this.#placingOptions)
      : this.#balancer.pick(this.#byIndex, tried)
    return index < 0 ? this.#lastResort(key, tried) : this.#byIndex[index]
  }

  /** Continues `pool "app": …`. */
  get whyNone(): string {
    if (this.#byIndex.length === 0) return 'no backend is in the pool'
    const last = this.#byIndex.find((backend) => backend.lastCause !== undefined)
    if (last === undefined) return 'all backends are out or draining'
    return `no backend can be reached; the last cause: backend ${last.id} ${last.lastCause?.text ?? ''}`
  }

  get idle(): boolean {
    return this.#drained.size === 0 && this.#byIndex.every((backend) => backend.quiet)
  }

  tick(now: number): void {
    for (const backend of this.#byIndex) backend.tick(now)
    for (const backend of this.#drained) {
      backend.tick(now)
      if (!backend.quiet) continue
      backend.close()
      this.#drained.delete(backend)
    }
    for (const id of this.#outliers.tick(now)) {
      const backend = this.#backends.get(id)
      if (backend === undefined) continue
      backend.refresh()
      this.returned(backend)
    }
  }

  drain(): void {
    const backends = this.#byIndex
    this.#forget()
    for (const backend of backends) this.#retire(backend)
  }

  close(): void {
    const backends = [...this.#byIndex, ...this.#drained]
    // First nothing is left to turn to: a request that is lost here must not open a connection elsewhere.
    this.#forget()
    this.#drained.clear()
    for (const backend of backends) backend.close()
  }

  avoided(backend: HttpBackend, cause: LostCause): void {
    const { code, text } = cause
    this.#tools.log({
      type: 'backend-avoided',
      pool: this.name,
      backend: backend.id,
      code,
      cause: text,
    })
  }

  returned(backend: HttpBackend): void {
    this.#tools.log({ type: 'backend-returned', pool: this.name, backend: backend.id })
  }

  judged(backend: HttpBackend, failed: boolean): void {
    if (this.#outliers.record(backend.id, failed, this.#tools.turn.now) !== 'ejected') return
    backend.refresh()
    this.avoided(backend, { code: 'BAD_REPLY', text: 'answered badly too often' })
  }

  isEjected(backend: HttpBackend): boolean {
    return this.#outliers.isEjected(backend.id)
  }

  get #sessionPlacing(): PlacingOptions {
    return { loadFactor: this.#http.loadFactor ?? LOAD_FACTOR, zone: this.#http.zone }
  }

  #takeSettings(http: HttpPoolTopology): void {
    this.#http = http
    this.check = http.check
    this.drainTimeoutMs = http.drainTimeoutMs ?? DRAIN_TIMEOUT_MS
    this.#placingOptions =
      http.allowSpill === true
        ? { loadFactor: http.loadFactor ?? LOAD_FACTOR, zone: http.zone }
        : PLAIN_PLACING
    const balance = http.balance ?? 'hash'
    if (balance === this.#balance) return
    this.#balance = balance
    this.#balancer = createBalancer(balance, this.#tools.random)
  }

  /** Rather one that is avoided than an error; rather one that drains than none. */
  #lastResort(key: Buffer | undefined, tried: readonly HttpBackend[]): HttpBackend | undefined {
    const order = key === undefined ? this.#byIndex : this.#inOrderOf(key)
    const left = order.filter((backend) => !tried.includes(backend))
    return (
      left.find(({ state }) => state === 'up') ?? left.find(({ state }) => state === 'draining')
    )
  }

  #inOrderOf(key: Buffer): readonly HttpBackend[] {
    return this.#ring.ring
      .owners(key, this.#byIndex.length)
      .map((id) => this.#backends.get(id))
      .filter((backend) => backend !== undefined)
  }

  #forget(): void {
    this.#ring.clear()
    this.#backends = new Map()
    this.#byIndex = []
    this.#placing.follow(this.#ring.ring, [])
  }

  #retire(backend: HttpBackend): void {
    backend.drain()
    if (backend.quiet) backend.close()
    else this.#drained.add(backend)
  }
}
