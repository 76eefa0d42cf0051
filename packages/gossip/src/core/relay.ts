import { hostOf, isAddress } from './address.ts'
import { NO_BYTES } from './bytes.ts'
import { type Context, nextSeq } from './context.ts'
import type { Effects, Millis } from './effects.ts'
import type { GossipRound } from './gossip-round.ts'
import { RELAYS_MAX } from './limits.ts'
import type { Address, IndirectPing } from './messages.ts'
import { pingFor } from './probe.ts'

interface Relayed {
  readonly asker: Address
  readonly seq: number
  readonly wantsNack: boolean
}

const relayKey = (seq: number): string => `relay:${seq}`

/** Pings for others who got no answer themselves, and tells them yes (ack) or not in time (nack). */
export class Relay {
  readonly #context: Context
  readonly #gossip: GossipRound
  readonly #pending = new Map<number, Relayed>()

  constructor(context: Context, gossip: GossipRound) {
    this.#context = context
    this.#gossip = gossip
  }

  accept(from: Address, request: IndirectPing, now: Millis, out: Effects): void {
    if (this.#pending.size >= RELAYS_MAX || !isAddress(request.target)) return
    const { config, options } = this.#context
    const seq = nextSeq(this.#context)
    const port = request.port === 0 ? options.port : request.port
    const asker = sourceOf(request, from)
    this.#pending.set(seq, { asker, seq: request.seq, wantsNack: request.nack })
    out.setTimer(relayKey(seq), now + config.probeTimeoutMs)
    const ping = pingFor(this.#context, seq, request.node)
    this.#gossip.sendWith({ host: hostOf(request.target), port }, ping, out)
  }

  /** An ack for one of our errands? Then it is passed on. */
  acknowledge(seq: number, out: Effects): boolean {
    const relayed = this.#pending.get(seq)
    if (relayed === undefined) return false
    this.#pending.delete(seq)
    out.clearTimer(relayKey(seq))
    this.#gossip.sendWith(relayed.asker, { type: 'ack', seq: relayed.seq, payload: NO_BYTES }, out)
    return true
  }

  /** Nobody answered in time. A later ack is dropped. */
  expire(seq: number, out: Effects): void {
    const relayed = this.#pending.get(seq)
    this.#pending.delete(seq)
    if (relayed?.wantsNack) {
      this.#gossip.sendWith(relayed.asker, { type: 'nack', seq: relayed.seq }, out)
    }
  }
}

/** Where an answer goes: the source that the message names, else where the datagram came from. */
export function sourceOf(
  message: { readonly sourceAddress?: Uint8Array; readonly sourcePort?: number },
  from: Address,
): Address {
  const { sourceAddress, sourcePort } = message
  if (sourceAddress === undefined || !sourcePort || !isAddress(sourceAddress)) return from
  return { host: hostOf(sourceAddress), port: sourcePort }
}
