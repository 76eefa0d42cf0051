import { type Balance, createBalancer } from '../balance/balance.ts'
import type { Balancer } from '../balance/balanced-backend.ts'
import {
  LOAD_FACTOR,
  PLAIN_PLACING,
  type PlacingOptions,
  RingPlacing,
  Room,
} from '../balance/ring-placing.ts'
import { SlowStarts } from '../balance/slow-start.ts'
import { isPanic, PANIC_PERCENT } from '../health/ejection-cap.ts'
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
  panic = false

  readonly #tools: HttpPoolTools
  readonly #ring = new KeyRing()
  readonly #outliers = new Outliers()
  readonly #slowStarts = new SlowStarts()
  #placing: RingPlacing
  #placingOptions: PlacingOptions = PLAIN_PLACING
  #balance: Balance = 'hash'
  #balancer: Balancer
  #http: HttpPoolTopology = EMPTY_HTTP
  #backends = new Map<string, HttpBackend>()
  /** In the order of the ring's nodes. */
  #byIndex: HttpBackend[] = []
  /** Of our own zone. */
  #near: HttpBackend[] = []
  #topology: PoolTopology
  #shares: ReadonlyMap<string, number> = new Map()
  readonly #drained = new Set<HttpBackend>()

  constructor(topology: PoolTopology, tools: HttpPoolTools) {
    this.name = topology.name
    this.#topology = topology
    this.#tools = tools
    this.#placing = new RingPlacing(this.#ring.ring, [])
    this.#balancer = createBalancer('hash', tools.random)
    this.cookies = new StickyCookies({
      pool: topology.name,
      maxAgeMs: COOKIE_MAX_AGE_MS,
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
    // Those of the first topology have nobody who would carry their share meanwhile.
    const first = this.#topology === topology
    this.#topology = topology
    const { now } = this.#tools.turn
    for (const wanted of topology.backends) {
      const known = before.get(wanted.id)
      const same =
        known !== undefined &&
        known.host === wanted.host &&
        known.port === wanted.port &&
        known.zone === wanted.zone &&
        JSON.stringify(known.access) === JSON.stringify(wanted.access ?? {})
      if (same) {
        known.wholeWeight = wanted.weight
        if (known.state !== 'up' && wanted.state === 'up') this.#slowStarts.begin(known.id, now)
        known.setState(wanted.state)
        if (!sameCheck) known.takeCheck()
        after.set(wanted.id, known)
      } else {
        const backend = new HttpBackend(wanted, this, this.#tools)
        backend.takeCheck()
        after.set(wanted.id, backend)
        if (!first) this.#slowStarts.begin(wanted.id, now)
      }
    }
    this.#backends = after
    this.#slowStarts.follow(new Set(after.keys()))
    this.#shares = this.#sharesNow()
    this.#weigh()
    this.#outliers.follow([...after.keys()])
    this.changed()
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
    if (!byKey) return this.#balanced(tried, placing) ?? this.#lastResort(key, tried)
    const options = placing ? this.#sessionPlacing : this.#placingOptions
    const index = this.#placing.place(key, tried, options)
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
    if (this.#slowStarts.active) this.#speedUp()
    for (const id of this.#outliers.tick(now)) {
      const backend = this.#backends.get(id)
      if (backend === undefined) continue
      this.returned(backend, false)
      backend.refresh()
    }
  }

  /** Other routers say that these cannot be reached: we look ourselves. */
  doubt(ids: readonly string[]): void {
    for (const id of ids) this.#backends.get(id)?.doubt()
  }

  /** The share of its weight that a backend has while it starts slowly, else 1. */
  shareOf({ id }: HttpBackend): number {
    return this.#shares.get(id) ?? 1
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

  returned(backend: HttpBackend, restarted: boolean): void {
    if (restarted) this.#outliers.restarted(backend.id)
    this.#slowStarts.begin(backend.id, this.#tools.turn.now)
    this.#speedUp()
    this.#tools.log({ type: 'backend-returned', pool: this.name, backend: backend.id })
  }

  judged(backend: HttpBackend, failed: boolean): void {
    const { now } = this.#tools.turn
    const last = failed && !this.#byIndex.some((other) => other !== backend && other.well)
    if (this.#outliers.record(backend.id, failed, now, last) !== 'ejected') return
    backend.counters.ejections++
    backend.refresh()
    this.#tools.log({ type: 'backend-ejected', pool: this.name, backend: backend.id })
  }

  /** A backend is well, or is not any more: with too few of them all that are up are used. */
  changed(): void {
    let up = 0
    let usable = 0
    for (const backend of this.#byIndex) {
      if (backend.state === 'up') up++
      if (backend.well) usable++
    }
    const panic = isPanic(usable, up, this.#http.panicPercent ?? PANIC_PERCENT)
    if (panic === this.panic) return
    this.panic = panic
    for (const backend of this.#byIndex) backend.refresh()
    const { name } = this
    this.#tools.log(
      panic ? { type: 'pool-panic', pool: name, usable, up } : { type: 'pool-calm', pool: name },
    )
  }

  isEjected(backend: HttpBackend): boolean {
    return this.#outliers.isEjected(backend.id)
  }

  get #sessionPlacing(): PlacingOptions {
    return { loadFactor: this.#http.loadFactor ?? LOAD_FACTOR, zone: this.#http.zone }
  }

  /** By balance; when a session is placed, backends of our zone that have room come first. */
  #balanced(tried: readonly HttpBackend[], placing: boolean): HttpBackend | undefined {
    if (this.#near.length > 0 && (placing || this.#http.allowSpill === true)) {
      const near = this.#near[this.#balancer.pick(this.#near, tried)]
      const factor = this.#http.loadFactor ?? LOAD_FACTOR
      if (near !== undefined && new Room(this.#byIndex, tried, factor).has(near)) return near
    }
    return this.#byIndex[this.#balancer.pick(this.#byIndex, tried)]
  }

  #sharesNow(): ReadonlyMap<string, number> {
    const usable = Array.from(this.#backends.values()).filter(({ well }) => well)
    const ids = usable.map(({ id }) => id)
    return this.#slowStarts.shares(ids, this.#tools.turn.now)
  }

  /** Backends that start slowly get more; O(backends), and a ring only when a share has changed. */
  #speedUp(): void {
    const shares = this.#sharesNow()
    const same =
      shares.size === this.#shares.size &&
      Array.from(shares).every(([id, share]) => this.#shares.get(id) === share)
    if (same) return
    this.#shares = shares
    this.#weigh()
  }

  /** Weights and ring as the shares are now. Other placements move keys between others too, so theirs stay whole. */
  #weigh(): void {
    const topology = this.#topology
    for (const backend of this.#backends.values())
      backend.weight = backend.wholeWeight * this.shareOf(backend)
    const scales = (topology.placement.placement ?? 'ringway') === 'ringway'
    const backends = scales
      ? topology.backends.map((one) => ({
          ...one,
          weight: this.#backends.get(one.id)?.weight ?? one.weight,
        }))
      : topology.backends
    this.#ring.update({ placement: topology.placement, backends })
    this.#byIndex = this.#ring.nodes
      .map((node) => this.#backends.get(node.id))
      .filter((backend) => backend !== undefined)
    const { zone } = this.#http
    this.#near = zone === undefined ? [] : this.#byIndex.filter((backend) => backend.zone === zone)
    this.#placing.follow(this.#ring.ring, this.#byIndex)
  }

  #takeSettings(http: HttpPoolTopology): void {
    this.#http = http
    this.check = http.check
    this.drainTimeoutMs = http.drainTimeoutMs ?? DRAIN_TIMEOUT_MS
    this.cookies.setMaxAge(http.cookieMaxAgeMs ?? COOKIE_MAX_AGE_MS)
    this.#slowStarts.durationMs = http.slowStartMs ?? 0
    this.#outliers.setLimits({ ...OUTLIER_LIMITS, ...http.outliers })
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
    this.#near = []
    this.#placing.follow(this.#ring.ring, [])
  }

  #retire(backend: HttpBackend): void {
    backend.drain()
    if (backend.quiet) backend.close()
    else this.#drained.add(backend)
  }
}
