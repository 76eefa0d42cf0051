import type { RespVersion } from '../../codec/resp/encode.ts'
import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import type { GatherKind } from '../../plan/gather.ts'
import type { Placement } from '../../plan/plan-redis.ts'
import { PrefixTable } from '../../plan/prefix-table.ts'
import { ChannelHub } from '../channel-hub.ts'
import { type Fold, Gathering } from '../gathering.ts'
import type { LostCause } from '../lost-cause.ts'
import { countError, type ErrorCounts, type Fleet, type Listing, type Pool } from '../pool.ts'
import type { LinkHolder, PrivateLink } from '../private-links.ts'
import { Request } from '../request.ts'
import type { StaticPool } from '../static-pool.ts'
import { placeInPool, poolOfPlace, routedOwner, routedPlace } from './routed-place.ts'

/** Which pool has the keys that begin so. */
export interface PoolRoute {
  /** The first characters of a key, in UTF-8, byte by byte. */
  readonly prefix: string
  readonly pool: string
}

export interface RoutedPoolTools {
  readonly errors: ErrorCounts
  /** In [0, 1). */
  readonly random: () => number
  /** A pool of the listener's protocol, once the topology names it. */
  readonly poolNamed: (name: string) => StaticPool | undefined
  /** An error of the router for the client. */
  readonly encodeError: (text: string) => Buffer
}

/**
 * Several pools behind one listener: the longest prefix of a key says which pool has it.
 *
 *   user:7 ─► `user:` ─► pool users        x ─► pool of the listener
 *
 * To a session it is one pool, whose places and backends are those of all: a second pool is to a command what a second owner
 * is. Backends are named `pool/backend`.
 */
export class RoutedPool implements Pool, Fleet {
  readonly placement: Placement
  readonly fleet = this
  readonly channels: ChannelHub
  readonly random: () => number
  readonly #tools: RoutedPoolTools
  /** The pool of all other keys first; each once. */
  readonly #names: readonly string[]
  readonly #table: PrefixTable
  #pools: readonly (StaticPool | undefined)[] = []
  /** Counts changes of owners in all pools. */
  #owners = 0

  constructor(pool: string, routes: readonly PoolRoute[], tools: RoutedPoolTools) {
    this.#tools = tools
    this.random = tools.random
    this.#names = [...new Set([pool, ...routes.map((route) => route.pool)])]
    this.#table = new PrefixTable(
      routes.map((route) => ({
        prefix: Buffer.from(route.prefix),
        target: this.#names.indexOf(route.pool),
      })),
      0,
    )
    this.placement = this.#makePlacement()
    this.channels = new ChannelHub(this, {
      placeOf: (name) => this.#usableOwner(name),
      places: () => this.#each((inner) => inner.backends.filter(({ usable }) => usable)),
    })
    this.follow()
  }

  /** The topology is another one: pools may have come and gone. */
  follow(): void {
    this.#pools = this.#names.map((name) => this.#tools.poolNamed(name))
    this.channels.rebalance()
  }

  /** Channels follow their owners. */
  tick(now: number): void {
    let owners = 0
    for (const pool of this.#pools) owners += pool?.ownerChanges ?? 0
    if (owners !== this.#owners) {
      this.#owners = owners
      this.channels.rebalance()
    }
    this.channels.tick(now)
  }

  close(): void {
    this.channels.close()
  }

  run(request: Request, frame: RequestFrame, keyIndex: number, stable: boolean): void {
    const at =
      keyIndex < 0 ? 0 : this.#table.find(frame.bytes, frame.from(keyIndex), frame.to(keyIndex))
    const pool = this.#pools[at]
    if (pool === undefined) this.#missing(request, at)
    else pool.run(request, frame, keyIndex, stable)
  }

  /** Runs a whole command, in bytes that nobody will change, at the owner of a place. */
  give(request: Request, bytes: Buffer, place: number): void {
    const pool = this.#pools[poolOfPlace(place)]
    if (pool === undefined) this.#missing(request, poolOfPlace(place))
    else pool.give(request, bytes, placeInPool(place))
  }

  runAll(request: Request, frame: RequestFrame, gather: GatherKind | Fold): void {
    const { command, resp } = request
    const gathering = new Gathering(request, gather, 0, this.#pools.length)
    for (const [at, pool] of this.#pools.entries()) {
      const part = new Request(gathering, command, resp, undefined, true)
      if (pool === undefined) this.#missing(part, at)
      else pool.runAll(part, frame, gather)
    }
  }

  backendIds(): readonly string[] {
    return this.#pools.flatMap(
      (pool, at) => pool?.backendIds().map((id) => this.#idOf(at, id)) ?? [],
    )
  }

  listing(): Listing {
    const inner = new Map<string, Listing>()
    for (const [at, pool] of this.#pools.entries())
      inner.set(this.#names[at] ?? '', pool?.listing() ?? MISSING_POOL)
    const of = (id: string) => inner.get(id.slice(0, id.indexOf('/')))
    const views = [...inner].filter(([, { view }]) => view !== '')
    return {
      ids: [...inner].flatMap(([name, { ids }]) => ids.map((id) => `${name}/${id}`)),
      view: views.length === 0 ? '' : JSON.stringify(views.map(([name, { view }]) => [name, view])),
      shows: (id, key) => of(id)?.shows(id.slice(id.indexOf('/') + 1), key) ?? false,
      copies: (id) => of(id)?.copies(id.slice(id.indexOf('/') + 1)) ?? 1,
    }
  }

  runAt(request: Request, id: string, bytes: Buffer): void {
    const found = this.#find(id)
    const at = this.#names.indexOf(id.slice(0, id.indexOf('/')))
    if (found !== undefined) found.pool.runAt(request, found.id, bytes)
    else if (at >= 0) this.#missing(request, at)
    else this.#fail(request, 'NO_BACKEND', `backend ${id} is gone`)
  }

  runOwner(request: Request, place: number, bytes: Buffer): void {
    const pool = this.#pools[poolOfPlace(place)]
    if (pool === undefined) this.#missing(request, poolOfPlace(place))
    else pool.runOwner(request, placeInPool(place), bytes)
  }

  pin(
    holder: LinkHolder,
    place: number,
    resp: RespVersion,
    keys: readonly string[],
  ): PrivateLink | Buffer {
    const at = poolOfPlace(place)
    const pool = this.#pools[at]
    if (pool === undefined) return this.#failure('NO_POOL', this.#whyMissing(at))
    const link = pool.pin(holder, placeInPool(place), resp, keys)
    if (Buffer.isBuffer(link)) return link
    // The holder knows places by the numbers of this listener.
    link.positions.delete(placeInPool(place))
    link.positions.add(place)
    return link
  }

  pinAt(holder: LinkHolder, id: string, resp: RespVersion): PrivateLink | Buffer {
    const found = this.#find(id)
    if (found === undefined) return this.#failure('NO_BACKEND', `backend ${id} is gone`)
    return found.pool.pinAt(holder, found.id, resp)
  }

  lostReply(link: PrivateLink, cause: LostCause, fate: string): Buffer {
    const { id } = link.backend
    const pool = this.#pools.find((each) => each?.backendNamed(id) === link.backend)
    return (
      pool?.lostReply(link, cause, fate) ??
      this.#failure(cause.code, `backend ${id} ${cause.text}${fate}`)
    )
  }

  #makePlacement(): Placement {
    const poolAt = (at: number) => this.#pools[at]
    const isRelaxed = () => this.#pools.every((pool) => pool?.placement.relaxed === true)
    return {
      whole: false,
      get relaxed() {
        return isRelaxed()
      },
      positionOf: (bytes, from, to) => {
        const at = this.#table.find(bytes, from, to)
        return routedPlace(at, poolAt(at)?.placement.positionOf(bytes, from, to) ?? 0)
      },
      ownerOf: (place) => {
        const at = poolOfPlace(place)
        return routedOwner(at, poolAt(at)?.placement.ownerOf(placeInPool(place)) ?? -1)
      },
    }
  }

  #usableOwner(name: Buffer): string | undefined {
    const at = this.#table.find(name, 0, name.length)
    const id = this.#pools[at]?.usableOwner(name)
    return id === undefined ? undefined : this.#idOf(at, id)
  }

  #each(backends: (pool: StaticPool) => readonly { readonly id: string }[]): readonly string[] {
    return this.#pools.flatMap((pool, at) =>
      pool === undefined ? [] : backends(pool).map(({ id }) => this.#idOf(at, id)),
    )
  }

  #idOf(at: number, id: string): string {
    return `${this.#names[at]}/${id}`
  }

  #find(id: string): { readonly pool: StaticPool; readonly id: string } | undefined {
    // Names of pools have no slash.
    const slash = id.indexOf('/')
    const pool = this.#pools[this.#names.indexOf(id.slice(0, slash))]
    return pool === undefined ? undefined : { pool, id: id.slice(slash + 1) }
  }

  #missing(request: Request, at: number): void {
    this.#fail(request, 'NO_POOL', this.#whyMissing(at))
  }

  #whyMissing(at: number): string {
    return `pool "${this.#names[at]}" is not in the topology`
  }

  #fail(request: Request, code: string, text: string): void {
    const reply = this.#failure(code, text)
    request.settle(reply, 0, reply.length, true)
  }

  #failure(code: string, text: string): Buffer {
    countError(this.#tools.errors, code)
    return this.#tools.encodeError(text)
  }
}

/** Its keys are asked for all the same: the error says what is missing. */
const MISSING_POOL: Listing = { ids: [''], view: '', shows: () => true, copies: () => 1 }
