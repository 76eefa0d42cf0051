import {
  createRing,
  type Ring,
  type RingNode,
  SLOT_COUNT,
  slotPosition,
  xxh32,
} from '@ringway/ring'
import { MEMBERS_MAX, type ResolvedOptions } from './options.ts'
import type { StoreMember, StoreTopology } from './store.ts'

/** What this member does for a slot. */
export const IDLE = 0
/** It asks the others whether it may serve; commands wait. */
export const CAMPAIGNING = 1
export const SERVING = 2

/** This member's own index. */
export const SELF = 0
export const NOBODY = -1

const NOTHING_HELD = new Float64Array(0)
/** Former instances remembered per name, so that late news about them is recognised. */
const FORMER_INSTANCES_MAX = 8
/** Members that left the topology count towards a majority for this long. */
const ELECTORATE_MEMORY_MS = 30_000

/** A member as this one sees it. Its holdings are known only while the link is up. */
export interface Peer {
  readonly index: number
  name: string
  instance: string
  readonly former: string[]
  /** Counts its links; what belongs to an earlier link is not answered on a later one. */
  session: number
  writer: number
  /** In the topology. */
  live: boolean
  /** When it was last in the topology, other than draining. */
  liveAt: number
  state: StoreMember['state']
  linked: boolean
  /** Its hello has arrived. */
  known: boolean
  /** Linked, and not heard for `silenceMs`. */
  silent: boolean
  /** Did not answer a campaign in time, and has not been heard since. */
  mute: boolean
  /** Its clock is too far ahead. */
  drifted: boolean
  /** Can be asked, forwarded to and relied on: linked, known, neither silent nor drifted. */
  up: boolean
  heardAt: number
  /** Holdings: lineage per slot, 0 = does not hold. */
  lineage: Float64Array
  /** The slots this member serves have been compared with it since its link came up. */
  synced: boolean
}

const instanceKey = (name: string, instance: string): number => xxh32(`${name} ${instance}`)

/**
 * Who is there, who owns, who holds and who serves. Slots are indexes into typed arrays, members are small integers:
 * the hot path touches no string.
 */
export class View {
  readonly peers: Peer[] = []
  readonly #byName = new Map<string, number>()
  readonly #options: ResolvedOptions
  #ring: Ring = createRing([], { keyHash: 'crc16-slot' })
  #ringKey = ''
  #zones = false
  /** Owners of slot s at `[s * replicas …]`, -1 where there are fewer members. */
  readonly owners: Int16Array
  #orders: (Int16Array | undefined)[] = []
  #sorted: readonly number[] | undefined
  /** Who serves, as far as known; -1 nobody. */
  readonly claimant: Int16Array
  /** Epoch of that claim. */
  readonly epoch: Float64Array
  /** 1: that claim was made by a member cut off from half of the others; it yields to any that was not. */
  readonly weak: Uint8Array
  /** Writes of epochs below this one are refused. */
  readonly promised: Float64Array
  readonly role: Uint8Array
  /** Entries at or below this version were flushed. */
  readonly flushed: Float64Array
  /** Tombstones up to this version may have been forgotten early. */
  readonly purged: Float64Array
  liveCount = 1
  knownCount = 1
  readonly slotCount: number
  readonly replicas: number

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.slotCount = options.slotCount
    this.replicas = options.replicas
    this.owners = new Int16Array(this.slotCount * this.replicas).fill(NOBODY)
    this.claimant = new Int16Array(this.slotCount).fill(NOBODY)
    this.epoch = new Float64Array(this.slotCount)
    this.weak = new Uint8Array(this.slotCount)
    this.promised = new Float64Array(this.slotCount)
    this.role = new Uint8Array(this.slotCount)
    this.flushed = new Float64Array(this.slotCount)
    this.purged = new Float64Array(this.slotCount)
    const self = this.#add(options.name, options.instance)
    self.live = true
    self.known = true
    self.linked = true
    self.up = true
    self.synced = true
    self.lineage = new Float64Array(this.slotCount)
    this.#rebuildRing()
  }

  get self(): Peer {
    return this.peers[SELF] as Peer
  }

  /** Lineage per slot that this member holds. */
  get holdings(): Float64Array {
    return this.self.lineage
  }

  find(name: string): Peer | undefined {
    const index = this.#byName.get(name)
    return index === undefined ? undefined : this.peers[index]
  }

  peer(index: number): Peer | undefined {
    return this.peers[index]
  }

  nameOf(index: number): string {
    return this.peers[index]?.name ?? ''
  }

  isUp(index: number): boolean {
    return this.peers[index]?.up === true
  }

  holds(index: number, slot: number): boolean {
    return (this.peers[index]?.lineage[slot] ?? 0) !== 0
  }

  owns(index: number, slot: number): boolean {
    const end = (slot + 1) * this.replicas
    for (let i = slot * this.replicas; i < end; i++) if (this.owners[i] === index) return true
    return false
  }

  /** Finds or adds; undefined when `MEMBERS_MAX` live or linked members are known already. */
  admit(name: string, instance: string): Peer | undefined {
    const known = this.find(name)
    if (known !== undefined) return known
    if (this.peers.length < MEMBERS_MAX) return this.#add(name, instance)
    const gone = this.peers.find((peer) => peer.index !== SELF && !peer.live && !peer.linked)
    if (gone === undefined) return undefined
    this.#byName.delete(gone.name)
    this.forgetClaims(gone.index)
    gone.former.length = 0
    this.#byName.set(name, gone.index)
    gone.name = name
    gone.instance = instance
    gone.writer = instanceKey(name, instance)
    this.forgetOrders()
    return gone
  }

  #add(name: string, instance: string): Peer {
    const peer: Peer = {
      index: this.peers.length,
      name,
      instance,
      former: [],
      session: 0,
      writer: instanceKey(name, instance),
      live: false,
      liveAt: Number.NEGATIVE_INFINITY,
      state: 'active',
      linked: false,
      known: false,
      silent: false,
      mute: false,
      drifted: false,
      up: false,
      heardAt: 0,
      lineage: NOTHING_HELD,
      synced: false,
    }
    this.peers.push(peer)
    this.#byName.set(name, peer.index)
    this.forgetOrders()
    return peer
  }

  refreshUp(peer: Peer): boolean {
    const up = peer.linked && peer.known && !peer.silent && !peer.drifted
    const changed = up !== peer.up
    peer.up = up
    return changed
  }

  silence(index: number): void {
    const peer = this.peers[index]
    if (peer !== undefined && index !== SELF) peer.mute = true
  }

  forgetHoldings(peer: Peer): void {
    peer.lineage = NOTHING_HELD
    peer.known = false
    peer.synced = false
  }

  /** Room for what a hello says. */
  learnHoldings(peer: Peer): Float64Array {
    if (peer.lineage.length === 0) peer.lineage = new Float64Array(this.slotCount)
    return peer.lineage
  }

  noteHolding(index: number, slot: number, lineage: number): void {
    const peer = this.peers[index]
    if (peer !== undefined && index !== SELF) this.learnHoldings(peer)[slot] = lineage
  }

  forgetClaims(index: number): void {
    for (let slot = 0; slot < this.slotCount; slot++)
      if (this.claimant[slot] === index) this.claimant[slot] = NOBODY
  }

  /** True when the instance is news; late word about a former one is not. */
  isNewInstance(peer: Peer, instance: string): boolean {
    return instance !== peer.instance && !peer.former.includes(instance)
  }

  replaceInstance(peer: Peer, instance: string): void {
    peer.former.push(peer.instance)
    if (peer.former.length > FORMER_INSTANCES_MAX) peer.former.shift()
    peer.instance = instance
    peer.writer = instanceKey(peer.name, instance)
    if (this.#options.plantedBug === 'restart-keeps-holdings') return
    this.forgetHoldings(peer)
    this.forgetClaims(peer.index)
  }

  /** Takes the new member list; returns the peers whose instance changed. */
  applyTopology(topology: StoreTopology, now: number): readonly Peer[] {
    const restarted: Peer[] = []
    for (const peer of this.peers) {
      if (peer.live && peer.state !== 'draining') peer.liveAt = now
      peer.live = peer.index === SELF
    }
    const nodes: RingNode[] = []
    const drained: RingNode[] = []
    let live = 0
    for (const member of topology.members) {
      const peer = this.admit(member.name, member.instance)
      if (peer === undefined) continue
      live++
      peer.live = true
      peer.state = member.state
      if (peer.index !== SELF && this.isNewInstance(peer, member.instance)) {
        this.replaceInstance(peer, member.instance)
        restarted.push(peer)
      }
      const node = {
        id: member.name,
        weight: member.weight ?? 1,
        ...(member.zone === undefined ? {} : { zone: member.zone }),
      }
      if (member.state === 'draining') drained.push(node)
      else nodes.push(node)
    }
    this.liveCount = Math.max(1, live)
    this.knownCount = Math.max(this.liveCount, topology.knownCount ?? 0)
    // When everybody drains there is nobody to drain to.
    this.#useNodes(nodes.length > 0 ? nodes : drained)
    return restarted
  }

  #useNodes(nodes: readonly RingNode[]): void {
    this.forgetOrders()
    const ring = createRing(nodes, { keyHash: 'crc16-slot' })
    if (ring.digest === this.#ringKey) return
    this.#ring = ring
    this.#ringKey = ring.digest
    this.#zones = nodes.some((node) => node.zone !== undefined)
    this.#rebuildRing()
  }

  #position(slot: number): number {
    return slotPosition(slot * (SLOT_COUNT / this.slotCount))
  }

  #walk(slot: number, count: number): readonly string[] {
    const position = this.#position(slot)
    return this.#zones
      ? this.#ring.ownersAt(position, count, { spread: 'zone' })
      : this.#ring.ownersAt(position, count)
  }

  #rebuildRing(): void {
    this.owners.fill(NOBODY)
    for (let slot = 0; slot < this.slotCount; slot++) {
      const names = this.#walk(slot, this.replicas)
      for (let i = 0; i < names.length; i++)
        this.owners[slot * this.replicas + i] = this.#byName.get(names[i] ?? '') ?? NOBODY
    }
  }

  /** Owners first, then the other ring members clockwise, then members outside the ring by name. Kept until the members change. */
  order(slot: number): Int16Array {
    const kept = this.#orders[slot]
    if (kept !== undefined) return kept
    const order: number[] = []
    const add = (index: number | undefined): void => {
      if (index !== undefined && index !== NOBODY && !order.includes(index)) order.push(index)
    }
    for (let i = 0; i < this.replicas; i++) add(this.owners[slot * this.replicas + i])
    for (const name of this.#walk(slot, this.#ring.nodes.length)) add(this.#byName.get(name))
    for (const index of this.#everyone()) add(index)
    const built = Int16Array.from(order)
    this.#orders[slot] = built
    return built
  }

  /** Live or linked members by name. */
  #everyone(): readonly number[] {
    this.#sorted ??= this.peers
      .filter((peer) => peer.live || peer.linked)
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((peer) => peer.index)
    return this.#sorted
  }

  /** Members outside the ring enter the order when they link up. */
  forgetOrders(): void {
    this.#orders = []
    this.#sorted = undefined
  }

  /** The member that should serve: the first in order that holds the slot and can be reached from here. */
  desired(slot: number): number {
    const start = slot * this.replicas
    for (let i = start; i < start + this.replicas; i++) {
      const index = this.owners[i] ?? NOBODY
      if (index !== NOBODY && this.isUp(index) && this.holds(index, slot)) return index
    }
    // Walking the ring is dear, and mostly nobody else holds the slot.
    if (!this.peers.some((peer) => peer.up && (peer.lineage[slot] ?? 0) !== 0)) return NOBODY
    for (const index of this.order(slot))
      if (this.isUp(index) && this.holds(index, slot)) return index
    return NOBODY
  }

  /** Members that can be reached, this one included. */
  reachableCount(): number {
    let count = 0
    for (const peer of this.peers) if (peer.up && !peer.mute) count++
    return count
  }

  /**
   * True when this member cannot reach more than half of the members. Those that died lately count: whoever is cut
   * off sees the others die.
   */
  isCutOff(now: number): boolean {
    let electorate = 0
    for (const peer of this.peers)
      if (peer.live || now - peer.liveAt < ELECTORATE_MEMORY_MS) electorate++
    return this.reachableCount() * 2 <= electorate
  }

  /** Epoch of the claim known for the slot; negative when it was made while cut off. */
  signedEpoch(slot: number): number {
    return (this.epoch[slot] ?? 0) * (this.weak[slot] === 1 ? -1 : 1)
  }

  /**
   * True when claim (epoch, member) stands above the claim known for the slot. A weak claim yields to a strong one, and
   * is not heard while the member with the strong one can be reached. Ties fall to the smaller name.
   */
  outranks(epoch: number, index: number, slot: number, weak: boolean): boolean {
    const known = this.epoch[slot] ?? 0
    const claimant = this.claimant[slot] ?? NOBODY
    const knownWeak = this.weak[slot] === 1
    if (claimant !== index && weak !== knownWeak) {
      if (knownWeak) return true
      if (claimant !== NOBODY && this.isUp(claimant)) return false
    }
    if (epoch !== known) return epoch > known
    if (claimant === NOBODY) return true
    return claimant !== index && this.nameOf(index) < this.nameOf(claimant)
  }
}
