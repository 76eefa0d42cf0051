import { createHash } from 'node:crypto'
import type { Address } from '../core/messages.ts'
import { formatAddress } from '../net/addresses.ts'
import { GossipError } from '../net/errors.ts'
import type { DiscoveredSeeds } from '../net/seed-follower.ts'
import { GreetingReader, writeGreeting } from './greeting.ts'

/** Peers that are connected at one time, and with that the seeds that a swarm can bring. */
const PEERS_MAX = 64
/** A peer that has not said its address by then is let go. */
const GREETING_TIMEOUT_MS = 10_000
/**
 * Peers that start at one moment look the topic up before the others have announced themselves, and Hyperswarm itself looks
 * again only after ten minutes: we look sooner, and seldom once somebody was met.
 */
const LOOK_AGAIN_ALONE_MS = 2_000
const LOOK_AGAIN_MS = 60_000
/** Closing waits no longer for the swarm to take its leave of the DHT. */
const CLOSE_TIMEOUT_MS = 5_000

/** The part of a connection that is used: an encrypted stream. */
export interface SwarmConnection {
  on(event: 'data', listener: (piece: Uint8Array) => void): unknown
  on(event: 'error' | 'close', listener: () => void): unknown
  write(bytes: Uint8Array): unknown
  destroy(): unknown
}

/** The part of a Hyperswarm that is used. */
export interface Swarm {
  on(event: 'connection', listener: (connection: SwarmConnection) => void): unknown
  join(
    topic: Uint8Array,
    how: { readonly server: boolean; readonly client: boolean },
  ): { refresh(): Promise<unknown> }
  destroy(): Promise<unknown>
}

export interface SwarmOptions {
  /** Members with the same topic find each other. Whoever knows it can ask them for their gossip addresses. */
  readonly topic: string
  /** What the others are told: the advertised address of our memberlist. */
  readonly address: Address
  /** Bootstrap nodes of a DHT of one's own; the public one by default. */
  readonly bootstrap?: readonly Address[]
  /** A swarm that is used for nothing else; it is destroyed by `close`. By default the package `hyperswarm` makes one. */
  readonly swarm?: Swarm
}

/** Seeds that come from a Hyperswarm topic: a source for `Memberlist.follow`. */
export interface SwarmDiscovery extends DiscoveredSeeds {
  /** `host:port` of the peers that are connected now, at most 64. */
  seeds(): readonly string[]
  onChange(listener: () => void): () => void
  /** Leaves the swarm. Idempotent; takes five seconds at most. */
  close(): Promise<void>
}

/**
 * Meets peers on a topic and exchanges gossip addresses with them. Everything else goes over gossip itself, which checks
 * label, keys and cluster as with any seed.
 *
 * @throws GossipError GOSSIP_OPTION_INVALID for an empty topic, or when the package `hyperswarm` is not installed
 */
export async function createSwarmDiscovery(options: SwarmOptions): Promise<SwarmDiscovery> {
  if (options.topic === '') {
    throw new GossipError('GOSSIP_OPTION_INVALID', { topic: 'empty', allowed: 'any other text' })
  }
  const swarm = options.swarm ?? (await makeSwarm(options.bootstrap))
  const discovery = new Discovery(swarm, options.address)
  swarm.on('connection', (connection) => discovery.meet(connection))
  const session = swarm.join(topicHash(options.topic), { server: true, client: true })
  discovery.keepLooking(() => session.refresh())
  return discovery
}

/** Other programs may use the same words as a topic. */
function topicHash(topic: string): Uint8Array {
  return createHash('sha256').update('ringway gossip\0').update(topic).digest()
}

type SwarmClass = new (options: {
  readonly maxPeers: number
  readonly bootstrap?: readonly Address[]
}) => Swarm

/** The package is an optional peer dependency: who does not discover by swarm does not install it. */
async function makeSwarm(bootstrap: readonly Address[] | undefined): Promise<Swarm> {
  const Hyperswarm = await loadHyperswarm()
  return new Hyperswarm({ maxPeers: PEERS_MAX, ...(bootstrap && { bootstrap }) })
}

async function loadHyperswarm(): Promise<SwarmClass> {
  // Not a literal: the package has no types, and a bundler must not ask for it.
  const name: string = 'hyperswarm'
  try {
    const module = (await import(name)) as { readonly default: SwarmClass }
    return module.default
  } catch (error) {
    throw new GossipError('GOSSIP_OPTION_INVALID', {
      missing: 'the package hyperswarm',
      allowed: 'npm install hyperswarm',
      why: error instanceof Error ? error.message.split('\n')[0] : String(error),
    })
  }
}

class Discovery implements SwarmDiscovery {
  readonly #swarm: Swarm
  readonly #greeting: Uint8Array
  /** Addresses of the connected peers; `undefined` until they have said one. */
  readonly #peers = new Map<SwarmConnection, string | undefined>()
  readonly #listeners = new Set<() => void>()
  #looking: NodeJS.Timeout | undefined
  #closing: Promise<void> | undefined

  constructor(swarm: Swarm, address: Address) {
    this.#swarm = swarm
    this.#greeting = writeGreeting(address)
  }

  seeds(): readonly string[] {
    return [...new Set([...this.#peers.values()].flatMap((seed) => seed ?? []))]
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Looks the topic up from time to time, one look after the other. */
  keepLooking(look: () => Promise<unknown>): void {
    if (this.#closing !== undefined) return
    const waitMs = this.#peers.size === 0 ? LOOK_AGAIN_ALONE_MS : LOOK_AGAIN_MS
    this.#looking = setTimeout(() => {
      // A look that fails is followed by the next one.
      void look()
        .catch(() => undefined)
        .finally(() => this.keepLooking(look))
    }, waitMs)
    this.#looking.unref()
  }

  /** Says our address and waits for theirs. The connection stays, or the swarm would dial it again. */
  meet(connection: SwarmConnection): void {
    connection.on('error', () => connection.destroy())
    if (this.#peers.size >= PEERS_MAX || this.#closing !== undefined) {
      connection.destroy()
      return
    }
    this.#peers.set(connection, undefined)
    const reader = new GreetingReader()
    const timer = setTimeout(() => connection.destroy(), GREETING_TIMEOUT_MS)
    connection.on('close', () => {
      clearTimeout(timer)
      this.#peers.delete(connection)
    })
    connection.on('data', (piece) => {
      const said = this.#peers.get(connection) === undefined ? reader.push(piece) : 'bad'
      if (said === 'more') return
      clearTimeout(timer)
      if (said === 'bad') connection.destroy()
      else this.#learn(connection, said)
    })
    connection.write(this.#greeting)
  }

  #learn(connection: SwarmConnection, address: Address): void {
    this.#peers.set(connection, formatAddress(address))
    for (const listener of this.#listeners) listener()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const connection of this.#peers.keys()) connection.destroy()
    this.#listeners.clear()
    clearTimeout(this.#looking)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)
    })
    await Promise.race([this.#swarm.destroy().catch(() => undefined), late])
    clearTimeout(timer)
  }
}
