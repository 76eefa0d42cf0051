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
  /** When a late ack is no use any more. */
  readonly until: Millis
  owesNack: boolean
}

/**
 * Share of the probe timeout after which a nack says "not yet" (Lifeguard §IV.B). Told only when the timeout is over, as
 * memberlist does, it reaches an asker with `lan` timings just after its verdict, which then blames the asker.
 */
const NACK_SHARE = 0.8

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
    this.#context.tally.indirectServed++
    const port = request.port === 0 ? options.port : request.port
    const asker = sourceOf(request, from)
    const until = now + config.probeTimeoutMs
    this.#pending.set(seq, { asker, seq: request.seq, until, owesNack: request.nack })
    out.setTimer(relayKey(seq), request.nack ? now + NACK_SHARE * config.probeTimeoutMs : until)
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

  /** Nobody answered yet: says so, waits for the rest of the time, and then drops a later ack. */
  expire(seq: number, out: Effects): void {
    const relayed = this.#pending.get(seq)
    if (relayed === undefined) return
    if (!relayed.owesNack) {
      this.#pending.delete(seq)
      return
    }
    relayed.owesNack = false
    out.setTimer(relayKey(seq), relayed.until)
    const { planted, tally } = this.#context
    if (planted === 'forget-nacks') return
    tally.nacksSent++
    this.#gossip.sendWith(relayed.asker, { type: 'nack', seq: relayed.seq }, out)
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
