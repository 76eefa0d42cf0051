import type { Address } from '../core/messages.ts'
import { pcg32 } from '../core/random.ts'
import type { SimulatedNode } from './simulated-node.ts'
import type { World } from './world.ts'

/** A node that joined nobody tries again after this time, and so does one that misses a remembered peer. */
const JOIN_RETRY_MS = 1_000
const START_SPREAD_MS = 100
/** Remembered peers that a restarted node calls at one time. */
const REMEMBERED_CALLED_MAX = 3
/** So often it calls those whom it still does not know; then they are counted as gone. */
const REMEMBERED_ROUNDS_MAX = 60

/** How nodes find each other: what a driver does with its seeds and its file of known peers. */
export class SimulatedJoins {
  readonly #world: World
  readonly #begin: (node: SimulatedNode) => void
  #pending = 0

  constructor(world: World, begin: (node: SimulatedNode) => void) {
    this.#world = world
    this.#begin = begin
  }

  /** Nodes that will start by themselves. */
  get pending(): number {
    return this.#pending
  }

  /** Starts all within a tenth of a second; the first is up before anybody calls it. */
  startTogether(nodes: readonly SimulatedNode[]): void {
    const { heap, seed } = this.#world
    const random = pcg32(seed, 0x5743)
    nodes.forEach((node, index) => {
      const at = index === 0 ? 0 : 1 + random.below(START_SPREAD_MS)
      this.#pending++
      heap.push(at, () => {
        this.#pending--
        this.#begin(node)
        if (index > 0) this.anyone(node)
      })
    })
  }

  /** Through any node that is up, again and again until it works. */
  anyone(node: SimulatedNode): void {
    this.#anyone(node, node.instance)
  }

  /** Through the peers that the process before knew, until it knows them all or they count as gone. */
  remembered(node: SimulatedNode): void {
    this.#remembered(node, node.instance, node.remembered, REMEMBERED_ROUNDS_MAX)
  }

  #anyone(node: SimulatedNode, instance: number): void {
    if (node.instance !== instance || !isJoining(node) || hasCompany(node)) return
    const seed = this.#someoneElse(node)
    if (seed !== undefined) this.#call(node, seed.to)
    this.#later(() => this.#anyone(node, instance))
  }

  #remembered(
    node: SimulatedNode,
    instance: number,
    peers: readonly Address[],
    rounds: number,
  ): void {
    if (node.instance !== instance || !isJoining(node) || rounds === 0) return
    const known = new Set([...node.swim.members()].map(({ address }) => address.host))
    const missing = peers.filter(({ host }) => !known.has(host))
    if (missing.length === 0) return
    const first = node.network.below(missing.length)
    for (let call = 0; call < Math.min(REMEMBERED_CALLED_MAX, missing.length); call++) {
      const peer = missing[(first + call) % missing.length]
      if (peer !== undefined) this.#call(node, peer)
    }
    this.#later(() => this.#remembered(node, instance, missing, rounds - 1))
  }

  #later(work: () => void): void {
    this.#world.heap.push(this.#world.now + JOIN_RETRY_MS, work)
  }

  #call(node: SimulatedNode, to: Address): void {
    if (node.status !== 'up') return
    node.swim.join(to, node.clock.read(this.#world.now), node.out)
    this.#world.afterCall(node)
  }

  /** The first that is up is everybody's seed, as in a static list; now and then another one. */
  #someoneElse(node: SimulatedNode): SimulatedNode | undefined {
    const others = [...this.#world.nodes.values()].filter(
      (other) => other !== node && other.status === 'up',
    )
    return this.#world.now === 0 || others.length < 2
      ? others[0]
      : others[node.network.below(others.length)]
  }
}

/** Does the process live, and is it not on its way out? A paused one goes on where it was. */
function isJoining({ name, status, swim }: SimulatedNode): boolean {
  const isThere = status === 'up' || status === 'paused'
  return isThere && swim.member(name)?.state === 'alive'
}

function hasCompany(node: SimulatedNode): boolean {
  for (const member of node.swim.members()) if (member.name !== node.name) return true
  return false
}
