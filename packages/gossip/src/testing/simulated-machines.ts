import type { SwimConfig } from '../core/config.ts'
import type { PlantedBug, Rigging } from '../core/context.ts'
import type { Peer } from '../core/member.ts'
import type { Address } from '../core/messages.ts'
import { PeerIndex } from '../core/peer-index.ts'
import { pcg32 } from '../core/random.ts'
import { createSwim, type Swim } from '../core/swim.ts'
import { messageSize } from '../wire/message-codec.ts'

const PORT = 7946
/** `[PMin, PMax, PCur, DMin, DMax, DCur]` that memberlist speaks. */
const VERSIONS = Uint8Array.of(1, 5, 2, 0, 0, 0)
/** Spreads the seeds of successive instances (2³² ÷ golden ratio). */
const INSTANCE_STRIDE = 0x9e37_79b9

/** Makes the machines of one simulation: each its own random stream, all sharing equal peers. */
export class SimulatedMachines {
  readonly #seed: number
  readonly #config: SwimConfig
  readonly #planted: PlantedBug | undefined
  readonly #peers = new PeerIndex()

  constructor(seed: number, config: SwimConfig, planted: PlantedBug | undefined) {
    this.#seed = seed
    this.#config = config
    this.#planted = planted
  }

  make(name: string, index: number, instance: number, meta: Uint8Array, rigging: Rigging): Swim {
    const options = {
      name,
      address: addressOf(index),
      port: PORT,
      meta,
      versions: VERSIONS,
      config: this.#config,
      random: pcg32(this.#seed + instance * INSTANCE_STRIDE, 2 * index),
      measure: messageSize,
      peers: this.#peers,
    }
    const planted = this.#planted
    return createSwim(options, planted === undefined ? rigging : { ...rigging, planted })
  }

  /** The first instance of a node, as others know it. */
  acquaintance(id: string, index: number): { readonly peer: Peer; readonly incarnation: number } {
    const peer = Object.freeze({
      name: id,
      address: addressOf(index),
      port: PORT,
      meta: metaOf(id, 1),
      versions: VERSIONS,
      to: toOf(index),
    })
    return { peer, incarnation: 1 }
  }
}

/** Metadata that says which process it is: a restart changes it. */
export const metaOf = (id: string, instance: number): Uint8Array =>
  new TextEncoder().encode(`${id}#${instance}`)

/** Where the node of this index listens: 10.0.0.0, 10.0.0.1, … */
export const toOf = (index: number): Address => ({ host: addressOf(index).join('.'), port: PORT })

const addressOf = (index: number): Uint8Array =>
  Uint8Array.of(10, (index >>> 16) & 255, (index >>> 8) & 255, index & 255)
