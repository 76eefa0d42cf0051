import type { StoreMessage } from '../core/messages.ts'
import type { Agenda } from './agenda.ts'
import { copyMessage } from './copy-message.ts'
import type { Random } from './random.ts'

/** One process as the network sees it. */
export interface Endpoint {
  readonly name: string
  readonly instance: string
  readonly running: boolean
  /** Runs now, or when the process is resumed. */
  deliver(run: () => void): void
  linkUp(peer: string, instance: string): void
  linkDown(peer: string): void
  receive(from: string, message: StoreMessage): void
}

export interface NetworkTiming {
  readonly delayMinMs: number
  readonly delayMaxMs: number
  /** How long a side takes to notice that a link is cut (not: that a process is gone, which it learns within `resetMs`). */
  readonly noticeMinMs: number
  readonly noticeMaxMs: number
  readonly resetMs: number
  readonly reconnectMinMs: number
  readonly reconnectMaxMs: number
}

export const LAN_TIMING: NetworkTiming = {
  delayMinMs: 0.2,
  delayMaxMs: 3,
  noticeMinMs: 20,
  noticeMaxMs: 600,
  resetMs: 10,
  reconnectMinMs: 5,
  reconnectMaxMs: 120,
}

/** One direction of one connection. */
interface Side {
  /** The endpoint that this side belongs to takes the link for up. */
  up: boolean
  lastDelivery: number
}

interface Link {
  readonly a: string
  readonly b: string
  readonly sides: Record<string, Side>
  /** Counts connections: what belongs to an earlier one is lost. */
  generation: number
  cut: boolean
  reconnecting: boolean
}

/**
 * Links between processes: ordered per direction, lossless until they break. A cut loses what is under way; each side
 * notices at its own time, so that one may go on sending into nothing while the other has moved on.
 */
export class Network {
  readonly #agenda: Agenda
  readonly #random: Random
  readonly #timing: NetworkTiming
  readonly #endpoints = new Map<string, Endpoint>()
  readonly #links = new Map<string, Link>()

  constructor(agenda: Agenda, random: Random, timing: NetworkTiming) {
    this.#agenda = agenda
    this.#random = random
    this.#timing = timing
  }

  #link(a: string, b: string): Link {
    const [first, second] = a < b ? [a, b] : [b, a]
    const key = `${first} ${second}`
    let link = this.#links.get(key)
    if (link === undefined) {
      const side = (): Side => ({ up: false, lastDelivery: 0 })
      link = {
        a: first,
        b: second,
        sides: { [first]: side(), [second]: side() },
        generation: 0,
        cut: false,
        reconnecting: false,
      }
      this.#links.set(key, link)
    }
    return link
  }

  #side(link: Link, name: string): Side {
    const side = link.sides[name]
    if (side === undefined) throw new Error(`no side ${name}`)
    return side
  }

  #between(min: number, max: number): number {
    return min + this.#random.next() * (max - min)
  }

  /** A process starts: it dials everyone, and everyone dials it. */
  attach(endpoint: Endpoint): void {
    this.#endpoints.set(endpoint.name, endpoint)
    for (const other of this.#endpoints.values())
      if (other.name !== endpoint.name) this.#reconnect(this.#link(endpoint.name, other.name))
  }

  /** A process is gone. What it sent before is still delivered to those who have not noticed. */
  detach(endpoint: Endpoint): void {
    if (this.#endpoints.get(endpoint.name) === endpoint) this.#endpoints.delete(endpoint.name)
    for (const other of this.#endpoints.values()) {
      const link = this.#link(endpoint.name, other.name)
      this.#side(link, endpoint.name).up = false
      this.#notice(link, other.name, this.#between(0.1, this.#timing.resetMs))
    }
  }

  /** Breaks one link, until `heal`. */
  cut(a: string, b: string): void {
    const link = this.#link(a, b)
    link.cut = true
    link.generation++
    for (const name of [a, b])
      this.#notice(link, name, this.#between(this.#timing.noticeMinMs, this.#timing.noticeMaxMs))
  }

  heal(a: string, b: string): void {
    const link = this.#link(a, b)
    link.cut = false
    // A side that has not noticed does so by the other's reset.
    for (const name of [a, b]) this.#notice(link, name, this.#between(0.1, this.#timing.resetMs))
    this.#reconnect(link)
  }

  /** A side gives the other up although nothing broke, as after missed heartbeats. */
  giveUp(name: string, peer: string): void {
    const link = this.#link(name, peer)
    if (!this.#side(link, name).up) return
    link.generation++
    this.#notice(link, name, 0)
    this.#notice(link, peer, this.#between(0.1, this.#timing.resetMs))
    this.#reconnect(link)
  }

  #notice(link: Link, name: string, delay: number): void {
    const side = this.#side(link, name)
    if (!side.up) return
    const { generation } = link
    this.#agenda.after(delay, () => {
      if (link.generation !== generation || !side.up) return
      side.up = false
      const endpoint = this.#endpoints.get(name)
      const peer = name === link.a ? link.b : link.a
      endpoint?.deliver(() => endpoint.linkDown(peer))
      this.#reconnect(link)
    })
  }

  /** Tries until both processes run, nothing is cut and no side holds on to the old connection. */
  #reconnect(link: Link): void {
    if (link.reconnecting) return
    link.reconnecting = true
    const delay = this.#between(this.#timing.reconnectMinMs, this.#timing.reconnectMaxMs)
    this.#agenda.after(delay, () => {
      link.reconnecting = false
      const a = this.#endpoints.get(link.a)
      const b = this.#endpoints.get(link.b)
      if (a === undefined || b === undefined) return
      const { sides } = link
      const open = Object.values(sides).some((side) => side.up)
      if (link.cut || open || !a.running || !b.running) {
        if (!(sides[link.a]?.up && sides[link.b]?.up)) this.#reconnect(link)
        return
      }
      this.#connect(link, a, b)
    })
  }

  #connect(link: Link, a: Endpoint, b: Endpoint): void {
    link.generation++
    for (const [endpoint, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      const side = this.#side(link, endpoint.name)
      side.up = true
      const { generation } = link
      const at = this.#agenda.now + this.#between(0, this.#timing.delayMaxMs)
      // Nothing is delivered to a side before it knows of the link.
      this.#side(link, peer.name).lastDelivery = at
      this.#agenda.at(at, () => {
        if (link.generation !== generation || this.#endpoints.get(endpoint.name) !== endpoint)
          return
        endpoint.deliver(() => {
          if (link.generation === generation && side.up) endpoint.linkUp(peer.name, peer.instance)
        })
      })
    }
  }

  send(from: Endpoint, to: string, message: StoreMessage): void {
    const link = this.#link(from.name, to)
    const side = this.#side(link, from.name)
    if (!side.up) return
    const { generation } = link
    const copied = copyMessage(message)
    const at = Math.max(
      side.lastDelivery,
      this.#agenda.now + this.#between(this.#timing.delayMinMs, this.#timing.delayMaxMs),
    )
    side.lastDelivery = at
    this.#agenda.at(at, () => {
      const endpoint = this.#endpoints.get(to)
      if (endpoint === undefined || link.generation !== generation) return
      if (!this.#side(link, to).up) return
      endpoint.deliver(() => {
        if (link.generation === generation && this.#side(link, to).up)
          endpoint.receive(from.name, copied)
      })
    })
  }
}
