import type { SwimConfig } from './config.ts'
import type { Alive, Message } from './messages.ts'
import type { PeerIndex } from './peer-index.ts'
import type { Random } from './random.ts'

/** Who we are, and the ports through which the machine sees the world. */
export interface SwimOptions {
  readonly name: string
  /** The address we advertise, in the form we use for ever (4 bytes for IPv4). */
  readonly address: Uint8Array
  readonly port: number
  readonly meta: Uint8Array
  readonly versions: Uint8Array
  readonly config: SwimConfig
  readonly random: Random
  /** Encoded bytes of a message, for piggyback budgets. */
  readonly measure: (message: Message) => number
  /** May this address become or stay a member? (CIDR allow list) */
  readonly isAllowed?: (address: Uint8Array) => boolean
  /** Why a member must stay out of our cluster, or undefined; asked about every new claim that somebody is alive. */
  readonly refusal?: (claim: Alive) => string | undefined
  /** Shared by machines that live in one process, as in a simulation; by default each has its own. */
  readonly peers?: PeerIndex
  /** Application bytes that travel with push/pull; empty by default. */
  readonly userState?: () => Uint8Array
}
