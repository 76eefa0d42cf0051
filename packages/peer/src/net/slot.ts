import type { Frame } from '../wire/frame.ts'
import type { Hello } from '../wire/hello.ts'
import type { Refusal } from '../wire/refusal.ts'
import type { Connection } from './connection.ts'
import type { HubContext } from './context.ts'
import { Dial, type DialEvents, type DialFailure } from './dial.ts'
import type { Greeting } from './greeting.ts'
import type { LinkKey } from './keyring.ts'
import { Link, type Peer } from './link.ts'
import type { PeerAddress, PeerTarget } from './options.ts'

// Everything about the link to one member. Exactly one link per pair, though both sides may dial at once:
//
// - The member with the smaller name dials at once and is the arbiter: while its own hello is out it refuses the other's with
//   ALREADY_DIALING, else it takes it and gives up its own dial. It never has two handshakes with hellos at once.
// - The other dials when no link has come within dialGraceMs, and gives up its dial for any right hello of the first.
// - A handshake while a link is up replaces the link, but only when the dialer confirms it (see greeting.ts): a dialer that has
//   a link does not dial, so a confirmed dial proves that the old link is dead on its side.

/** What a slot tells the hub. */
export interface SlotEvents {
  up(link: Link): void
  wrongInstance(name: string, actualInstance: string): void
}

/** State of the link to one member, as {@link PeerHub.links} shows it. */
export interface PeerLinkInfo {
  readonly name: string
  /** Of the member at the other end, while the link is up. */
  readonly instance: string | undefined
  /** The address that is dialed, or from which an accepted link came. */
  readonly address: PeerAddress | undefined
  readonly state: 'up' | 'connecting' | 'waiting'
  /** The last measured round trip. */
  readonly rttMs: number | undefined
  /** Bytes that wait for this peer. */
  readonly queuedBytes: number
  /** When this state began, by the hub's clock. */
  readonly since: number
  /** Why the last dial failed, until a link is up. */
  readonly problem: string | undefined
}

export class Slot implements DialEvents {
  readonly name: string
  link: Link | undefined

  readonly #context: HubContext
  readonly #events: SlotEvents
  readonly #dialsFirst: boolean
  #target: PeerTarget | undefined
  #dial: Dial | undefined
  #greeting: Greeting | undefined
  #keysLeft: readonly LinkKey[] = []
  #timer: NodeJS.Timeout | undefined
  #failures = 0
  /** The target names another instance than the link that is up: one dial finds out which of them lives. */
  #challenge = false
  #unlistedSince: number | undefined
  #stateSince: number
  #problem: string | undefined
  #closing = false

  constructor(name: string, context: HubContext, events: SlotEvents) {
    this.name = name
    this.#context = context
    this.#events = events
    this.#dialsFirst = context.options.self.name < name
    this.#stateSince = context.now()
  }

  /** Nothing to remember: the hub may forget the slot. */
  get isIdle(): boolean {
    return (
      this.#target === undefined &&
      this.link === undefined &&
      this.#dial === undefined &&
      this.#greeting === undefined
    )
  }

  show(): PeerLinkInfo {
    const { link } = this
    return {
      name: this.name,
      instance: link?.peer.instance,
      address:
        link?.peer.address ??
        (this.#target && { host: this.#target.host, port: this.#target.port }) ??
        this.#greeting?.address,
      state:
        link !== undefined
          ? 'up'
          : this.#dial !== undefined || this.#greeting !== undefined
            ? 'connecting'
            : 'waiting',
      rttMs: link?.rttMs,
      queuedBytes: link?.connection.queuedBytes ?? 0,
      since: link?.since ?? this.#stateSince,
      problem: this.#problem,
    }
  }

  /** The link is wanted, at this address. */
  want(target: PeerTarget): void {
    const before = this.#target
    this.#target = target
    this.#unlistedSince = undefined
    const moved = before?.host !== target.host || before.port !== target.port
    const renewed = before?.instance !== target.instance
    if (before !== undefined && !moved && !renewed) return
    if (renewed && this.link !== undefined)
      this.#challenge = target.instance !== undefined && this.link.peer.instance !== target.instance
    this.#stopDialing()
    this.#failures = 0
    this.#schedule()
  }

  /** The link is no longer wanted; `now` starts the grace of a member that was never listed. */
  unwant(now: number): void {
    if (this.#target === undefined) {
      this.#unlistedSince ??= now
      return
    }
    this.#target = undefined
    this.#stopDialing()
    this.#greeting?.cancel()
    this.#greeting = undefined
    this.link?.close('this member no longer lists the peer')
  }

  /** Closes a link whose member has been left out of the list for long enough; sends heartbeats. */
  tick(now: number): void {
    const { unlistedGraceMs } = this.#context.limits
    if (this.#unlistedSince !== undefined && now - this.#unlistedSince >= unlistedGraceMs)
      this.link?.close('this member does not list the peer')
    else this.link?.tick(now)
  }

  /** A right hello of this member has come: a refusal, or undefined to go on. */
  consider(greeting: Greeting): Refusal | undefined {
    if (this.#dialsFirst && this.#dialIsLikely()) {
      const { self } = this.#context.options
      const reason = `member ${self.name} is setting up this link itself`
      return { code: 'ALREADY_DIALING', reason, instance: self.instance }
    }
    this.#stopDialing()
    // A dialer has one dial at a time, so an older one is dead.
    this.#greeting?.cancel()
    this.#greeting = greeting
    this.#enterState()
    return undefined
  }

  /** The dialer has confirmed a handshake that {@link consider} agreed to. */
  confirmed(greeting: Greeting, hello: Hello, first: Frame, unlisted: boolean): void {
    if (this.#greeting === greeting) this.#greeting = undefined
    if (unlisted && this.#target === undefined) this.#unlistedSince = this.#context.now()
    const link = this.#adopt(hello, greeting.connection, greeting.address)
    if (link?.isUp) link.frame(first)
  }

  /** A handshake that {@link consider} agreed to has ended. */
  greetingGone(greeting: Greeting): void {
    if (this.#greeting !== greeting) return
    this.#greeting = undefined
    this.#failures++
    this.#schedule()
  }

  greeted(dial: Dial, hello: Hello, connection: Connection): void {
    const { host, port } = dial.target
    this.#dial = undefined
    this.#adopt(hello, connection, { host, port })
  }

  failed(dial: Dial, failure: DialFailure): void {
    this.#dial = undefined
    const nextKey = failure.keyRefused ? this.#keysLeft[0] : undefined
    if (nextKey !== undefined) {
      this.#keysLeft = this.#keysLeft.slice(1)
      this.#startDial(dial.target, nextKey)
      return
    }
    this.#report(failure)
    this.#challenge = false
    this.#failures++
    this.#enterState()
    this.#schedule()
    if (failure.refusal?.code === 'WRONG_INSTANCE' && failure.theirInstance !== undefined)
      this.#events.wrongInstance(this.name, failure.theirInstance)
  }

  /** The hub's word that `link`, of this slot, is down. */
  linkDown(link: Link): void {
    if (this.link !== link) return
    this.link = undefined
    this.#unlistedSince = undefined
    const { now, limits } = this.#context
    // A link that lived shortly counts as a failure, or two sides that disagree would dial without a pause.
    this.#failures = now() - link.since >= limits.backoffMaxMs ? 1 : this.#failures + 1
    this.#enterState()
    this.#schedule()
  }

  /** The keyring has changed: what uses a removed key ends. */
  keysChanged(): void {
    const { keyring } = this.#context
    const gone = (identity: string | undefined): boolean =>
      identity === undefined || keyring?.find(identity) === undefined
    if (this.#dial !== undefined && gone(this.#dial.key?.identity)) {
      this.#stopDialing()
      this.#schedule()
    }
    const greeting = this.#greeting
    if (greeting !== undefined && gone(greeting.connection.keyIdentity)) {
      greeting.cancel()
      this.greetingGone(greeting)
    }
    if (this.link !== undefined && gone(this.link.connection.keyIdentity))
      this.link.close('its cluster key was removed')
  }

  /** For good. */
  close(reason: string): void {
    this.#closing = true
    this.#target = undefined
    this.#stopDialing()
    this.#greeting?.cancel()
    this.#greeting = undefined
    this.link?.closeForGood(reason)
  }

  /** Our hello is out, and not for so long that it has to be taken for lost. */
  #dialIsLikely(): boolean {
    const greetingMs = this.#dial?.greetingMs(this.#context.now())
    return greetingMs !== undefined && greetingMs < this.#context.limits.helloTimeoutMs / 2
  }

  #adopt(hello: Hello, connection: Connection, address: PeerAddress): Link | undefined {
    this.#stopDialing()
    const peer: Peer = {
      name: hello.name,
      instance: hello.instance,
      fields: hello.fields,
      address,
    }
    const old = this.link
    this.link = undefined
    old?.drop(
      old.peer.instance === hello.instance
        ? 'the peer opened a new connection'
        : `the peer was restarted as instance ${hello.instance}`,
    )
    // A listener may have closed the hub.
    if (this.#closing) {
      connection.discard()
      return undefined
    }
    const link = new Link(peer, connection, this.#context)
    this.link = link
    this.#challenge = false
    this.#problem = undefined
    this.#events.up(link)
    return link
  }

  #schedule(): void {
    if (!this.#needsDial() || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (!this.#needsDial()) return
      const keys = this.#context.keyring?.list() ?? []
      this.#keysLeft = keys.slice(1)
      if (this.#target !== undefined) this.#startDial(this.#target, keys[0])
    }, this.#pauseMs())
  }

  #needsDial(): boolean {
    return (
      !this.#closing &&
      this.#target !== undefined &&
      this.#dial === undefined &&
      this.#greeting === undefined &&
      (this.link === undefined || this.#challenge)
    )
  }

  #pauseMs(): number {
    const { limits, random } = this.#context
    const grace = this.#dialsFirst ? 0 : limits.dialGraceMs
    if (this.#failures === 0) return grace
    const full = Math.min(limits.backoffMaxMs, limits.backoffMinMs * 2 ** (this.#failures - 1))
    return Math.max(grace, full * (0.5 + random() / 2))
  }

  #startDial(target: PeerTarget, key: LinkKey | undefined): void {
    this.#dial = new Dial(target, key, this.#context, this)
    this.#enterState()
  }

  #stopDialing(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#dial?.cancel()
    this.#dial = undefined
  }

  #enterState(): void {
    if (this.link === undefined) this.#stateSince = this.#context.now()
  }

  /** The same problem twice is news only once. */
  #report(failure: DialFailure): void {
    const expected = failure.refusal?.code === 'ALREADY_DIALING'
    const level = expected || failure.reason === this.#problem ? 'debug' : 'warn'
    this.#context.log[level]({ peer: this.name, refusal: failure.refusal }, failure.reason)
    if (!expected) this.#problem = failure.reason
  }
}
