import type { Pcg32 } from '../core/random.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** How bad the network is. Shares are 0…1, times are milliseconds. */
export interface NetworkConditions {
  /** Share of datagrams that are lost; a stream only gets slower. */
  readonly loss: number
  readonly delayMinMs: number
  readonly delayMaxMs: number
  /** Share of datagrams that arrive twice. */
  readonly duplicate: number
  /** Share of datagrams that are held back by up to `reorderMs` and so arrive out of order. */
  readonly reorder: number
  readonly reorderMs: number
}

export const CALM_NETWORK: NetworkConditions = {
  loss: 0,
  delayMinMs: 1,
  delayMaxMs: 5,
  duplicate: 0,
  reorder: 0,
  reorderMs: 200,
}

/** What a lost segment costs a stream. */
const RETRANSMIT_MS = 200
/** After so many lost segments in a row a stream counts as broken. */
const RETRANSMITS_MAX = 8

/** Decides what becomes of a packet. Every draw comes from the sender's own generator. */
export class SimulatedNetwork {
  readonly #cuts = new Set<number>()
  conditions: NetworkConditions

  constructor(conditions: Partial<NetworkConditions>) {
    this.conditions = { ...CALM_NETWORK, ...conditions }
  }

  get isWhole(): boolean {
    return this.#cuts.size === 0
  }

  /** Nothing gets from `from` to `to` any more; the other way stays. */
  cut(from: SimulatedNode, to: SimulatedNode): void {
    this.#cuts.add(linkOf(from, to))
  }

  mend(): void {
    this.#cuts.clear()
  }

  isOpen(from: SimulatedNode, to: SimulatedNode): boolean {
    return this.#cuts.size === 0 || !this.#cuts.has(linkOf(from, to))
  }

  /** Delay of each copy that arrives; empty when the datagram is lost. */
  fates(random: Pcg32): readonly number[] {
    const { loss, duplicate } = this.conditions
    if (chance(loss, random)) return []
    const delay = this.#packetDelay(random)
    return chance(duplicate, random) ? [delay, this.#packetDelay(random)] : [delay]
  }

  /** Delay of one direction of a stream; undefined when it breaks. */
  streamDelayMs(random: Pcg32): number | undefined {
    let delay = this.#delay(random)
    for (let lost = 0; lost < RETRANSMITS_MAX; lost++) {
      if (!chance(this.conditions.loss, random)) return delay
      delay += RETRANSMIT_MS << Math.min(lost, 4)
    }
    return undefined
  }

  #packetDelay(random: Pcg32): number {
    const { reorder, reorderMs } = this.conditions
    const held = chance(reorder, random) ? 1 + random.below(reorderMs) : 0
    return this.#delay(random) + held
  }

  #delay(random: Pcg32): number {
    const { delayMinMs, delayMaxMs } = this.conditions
    return delayMinMs + random.below(delayMaxMs - delayMinMs + 1)
  }
}

/** A draw is only made where the outcome is open. */
function chance(share: number, random: Pcg32): boolean {
  return share > 0 && random.next() < share * 0x1_0000_0000
}

/** More than any simulation has nodes. */
const LINK_STRIDE = 2 ** 24

const linkOf = (from: SimulatedNode, to: SimulatedNode): number =>
  from.index * LINK_STRIDE + to.index
