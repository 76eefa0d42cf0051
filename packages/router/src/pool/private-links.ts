import type { RespVersion } from '../codec/resp/encode.ts'
import type { BackendAccess } from '../topology.ts'
import type { LostCause } from './lost-cause.ts'
import type { Request } from './request.ts'
import type { Upstream, UpstreamOwner } from './upstream.ts'

/** Who has a private connection and hears of what becomes of it. */
export interface LinkHolder {
  /** A command that will not be answered; before {@link linkEnded}. Its bytes are `request.chunk.bytes[from, to)`. */
  linkFailed(request: Request, sent: boolean, cause: LostCause): void
  /** The connection is gone, or its keys have another owner now. */
  linkEnded(link: PrivateLink, cause: LostCause): void
  /** RESP3 out-of-band data. */
  pushed?(bytes: Buffer, start: number, end: number): void
  /** A reply to a command that pushes should have answered; true when it was expected. */
  stray?(bytes: Buffer, start: number, end: number): boolean
}

/** What private connections need from the backend that they lead to. */
export interface LinkBackend {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly access: BackendAccess
  readonly traffic: { bytesIn: number; bytesOut: number }
  openUpstream(owner: UpstreamOwner, resp: RespVersion): Upstream
  /** A private connection was lost; `inFlight` as in {@link UpstreamOwner}. */
  linkLost(cause: LostCause, inFlight: boolean, localName: string | undefined): void
  /** Keys that a command writes, when others have copies of them. */
  keysWritten(request: Request, bytes: Buffer, start: number, end: number): readonly string[]
  /** Keys that were written on a private connection; with `lost` it is not known whether. */
  linkWrote(keys: readonly string[], lost: boolean): void
}

export interface LinkLimits {
  readonly privateConnectionsMax: number
  readonly privateIdleMax: number
}

/** A connection to a backend that belongs to one client, or to one shared subscription, for as long as a state lasts. */
export class PrivateLink implements UpstreamOwner {
  holder: LinkHolder | undefined
  /** Where the keys are for which it was opened: when one gets another owner, the link ends. */
  readonly positions = new Set<number>()
  readonly backend: LinkBackend
  readonly #links: PrivateLinks
  readonly #upstream: Upstream
  /** Keys that were written here since the state began, and have copies elsewhere. */
  readonly #written = new Set<string>()

  constructor(backend: LinkBackend, links: PrivateLinks, resp: RespVersion) {
    this.backend = backend
    this.#links = links
    this.#upstream = backend.openUpstream(this, resp)
  }

  get host(): string {
    return this.backend.host
  }

  get port(): number {
    return this.backend.port
  }

  get access(): BackendAccess {
    return this.backend.access
  }

  get traffic(): { bytesIn: number; bytesOut: number } {
    return this.backend.traffic
  }

  get resp(): RespVersion {
    return this.#upstream.resp
  }

  get usable(): boolean {
    return this.#upstream.usable
  }

  send(request: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    for (const key of this.backend.keysWritten(request, bytes, start, end)) this.#written.add(key)
    this.#upstream.send(request, bytes, start, end, stable)
  }

  /** Sends a command whose answers are pushes (SUBSCRIBE in RESP3). */
  sendUnanswered(bytes: Buffer): void {
    this.#upstream.sendUnanswered(bytes)
  }

  tick(now: number): void {
    this.#upstream.tick(now)
  }

  /** The state is over and nothing of it is left at the backend: the connection may serve another client. */
  release(): void {
    this.holder = undefined
    this.positions.clear()
    this.#tellWritten(false)
    this.#links.released(this)
  }

  #tellWritten(lost: boolean): void {
    if (this.#written.size === 0) return
    const keys = [...this.#written]
    this.#written.clear()
    this.backend.linkWrote(keys, lost)
  }

  /** The state is not over: the connection ends, silently for its holder. */
  close(cause: LostCause): void {
    this.holder = undefined
    this.#upstream.destroy(cause)
  }

  /** The connection ends, and its holder hears of it. */
  end(cause: LostCause): void {
    this.#upstream.destroy(cause)
  }

  lost(request: Request, sent: boolean, cause: LostCause): void {
    this.holder?.linkFailed(request, sent, cause)
  }

  ended(upstream: Upstream, cause: LostCause, inFlight: boolean): void {
    this.#links.ended(this)
    this.backend.linkLost(cause, inFlight, upstream.localName)
    this.#tellWritten(true)
  }

  /** The last that is heard of it. */
  over(_upstream: Upstream, cause: LostCause): void {
    const { holder } = this
    this.holder = undefined
    holder?.linkEnded(this, cause)
  }

  left(_bytes: number): void {}

  stray(bytes: Buffer, start: number, end: number): boolean {
    return this.holder?.stray?.(bytes, start, end) ?? false
  }

  pushed(bytes: Buffer, start: number, end: number): void {
    this.holder?.pushed?.(bytes, start, end)
  }
}

/** The private connections to one backend: a bounded number, of which some are idle and serve the next client. */
export class PrivateLinks {
  readonly #backend: LinkBackend
  readonly #limits: LinkLimits
  readonly #links = new Set<PrivateLink>()
  readonly #idle: PrivateLink[] = []

  constructor(backend: LinkBackend, limits: LinkLimits) {
    this.#backend = backend
    this.#limits = limits
  }

  get open(): number {
    return this.#links.size
  }

  /** A connection that nobody else has; `undefined` when `privateConnectionsMax` are in use. */
  take(holder: LinkHolder, resp: RespVersion): PrivateLink | undefined {
    const at = this.#idle.findLastIndex((link) => link.resp === resp)
    const [reused] = at < 0 ? [] : this.#idle.splice(at, 1)
    if (reused !== undefined) {
      reused.holder = holder
      return reused
    }
    if (this.#links.size >= this.#limits.privateConnectionsMax && !this.#dropIdle())
      return undefined
    const link = new PrivateLink(this.#backend, this, resp)
    link.holder = holder
    this.#links.add(link)
    return link
  }

  released(link: PrivateLink): void {
    if (!link.usable) return
    if (this.#idle.length < this.#limits.privateIdleMax) this.#idle.push(link)
    else link.close(NOT_NEEDED)
  }

  ended(link: PrivateLink): void {
    this.#links.delete(link)
    const at = this.#idle.indexOf(link)
    if (at >= 0) this.#idle.splice(at, 1)
  }

  tick(now: number): void {
    for (const link of this.#links) link.tick(now)
  }

  /** Ends those for whose keys `stays` is false. */
  recheck(stays: (position: number) => boolean, cause: LostCause): void {
    for (const link of [...this.#links])
      for (const position of link.positions)
        if (!stays(position)) {
          link.end(cause)
          break
        }
  }

  close(cause: LostCause): void {
    for (const link of [...this.#links]) link.end(cause)
  }

  /** True when an idle one of the other RESP version made room. */
  #dropIdle(): boolean {
    const link = this.#idle.shift()
    link?.close(NOT_NEEDED)
    return link !== undefined
  }
}

const NOT_NEEDED: LostCause = { code: 'REMOVED', text: 'was disconnected by this router' }
