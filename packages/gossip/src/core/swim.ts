import { isAddress } from './address.ts'
import { accusationFault, nameFault } from './admission.ts'
import { AntiEntropy } from './anti-entropy.ts'
import { Awareness } from './awareness.ts'
import { BroadcastQueue } from './broadcast-queue.ts'
import { NO_BYTES, sameBytes } from './bytes.ts'
import { validateConfig } from './config.ts'
import { type Context, judgeOurselves, type Rigging } from './context.ts'
import type { Effects, Member, Millis, TimerKey } from './effects.ts'
import { SwimError } from './errors.ts'
import { GossipRound } from './gossip-round.ts'
import { Healing } from './healing.ts'
import { META_BYTES_MAX, PART_OVERHEAD_BYTES, USER_BROADCASTS_MAX } from './limits.ts'
import type { Peer } from './member.ts'
import { Membership } from './membership.ts'
import type { Address, Dead, Message, Ping, StateExchange, Suspect, User } from './messages.ts'
import type { SwimOptions } from './options.ts'
import { peerOf } from './peer.ts'
import { PeerIndex } from './peer-index.ts'
import { Prober } from './probe.ts'
import { ProbeSchedule } from './probe-schedule.ts'
import { Refutation } from './refutation.ts'
import { Relay, sourceOf } from './relay.ts'
import { emptyTally, type SwimTally } from './tally.ts'
import { Transitions } from './transitions.ts'
import { versionsFault, versionsMismatch } from './versions.ts'

export type { SwimConfig } from './config.ts'
export type { SwimOptions } from './options.ts'
export type { Random } from './random.ts'

/** Everything the world can tell the machine. Each call runs to completion, synchronously. */
export interface Swim {
  start(now: Millis, out: Effects): void
  /** Push/pull with one resolved address, `join: true`. */
  join(seed: Address, now: Millis, out: Effects): void
  /** A decoded message of a datagram (or the ack of a stream ping). */
  receive(from: Address, message: Message, now: Millis, out: Effects): void
  /** Our half of a push/pull; the acceptor sends it before it merges the other half. */
  localState(join: boolean): StateExchange
  mergeState(from: Address, remote: StateExchange, now: Millis, out: Effects): void
  exchangeFailed(to: Address, now: Millis, out: Effects): void
  fire(key: TimerKey, now: Millis, out: Effects): void
  /** New metadata; a new incarnation is gossiped. At most 512 bytes. */
  setMeta(meta: Uint8Array, now: Millis, out: Effects): void
  /** The process was not scheduled for this long: our own timers, not our peers, are late. */
  lag(lagMs: number, now: Millis, out: Effects): void
  leave(now: Millis, out: Effects): void
  /** Gossips opaque bytes one hop, best effort, behind the membership news (a Serf leave intent, for example). */
  broadcast(payload: Uint8Array, now: Millis, out: Effects): void
  /**
   * The stored address of this name refuses connections (the driver asked, after a `conflict`):
   * the next alive of the name may come from another address at once.
   */
  releaseAddress(name: string): void
  /** All records including ourselves, suspect, dead and left members. */
  members(): IterableIterator<Member>
  member(name: string): Member | undefined
  readonly healthScore: number
  readonly incarnation: number
  /** Broadcasts that wait for a place in a packet; never more than `broadcastsMax`. */
  readonly queued: number
  readonly tally: Readonly<SwimTally>
}

/**
 * A machine that has not started: a table with ourselves, incarnation 1.
 *
 * @param rigging - For tests only.
 * @throws SwimError when the name, address, port, metadata, versions or config are out of range.
 */
export function createSwim(options: SwimOptions, rigging: Rigging = {}): Swim {
  validateOptions(options)
  return new SwimMachine(options, rigging)
}

const SUSPICION_PREFIX = 'suspicion:'
const RELAY_PREFIX = 'relay:'

/** Routes each input to the part that owns it; the rules are in the parts. */
class SwimMachine implements Swim {
  readonly #context: Context
  readonly #gossip: GossipRound
  readonly #refutation: Refutation
  readonly #healing: Healing
  readonly #transitions: Transitions
  readonly #antiEntropy: AntiEntropy
  readonly #prober: Prober
  readonly #relay: Relay
  /** Lateness of our timers before this moment has been accounted for. */
  #lagSeenAt: Millis = Number.NEGATIVE_INFINITY

  constructor(options: SwimOptions, rigging: Rigging) {
    const { config, measure, random } = options
    const context: Context = {
      options,
      config,
      membership: new Membership(
        ownPeer(options),
        FIRST_INCARNATION,
        options.peers ?? new PeerIndex(),
        random,
      ),
      broadcasts: new BroadcastQueue(measure, config.broadcastsMax),
      userBroadcasts: new BroadcastQueue(measure, USER_BROADCASTS_MAX),
      awareness: new Awareness(config.awarenessMaxMultiplier),
      tally: emptyTally(),
      planted: rigging.planted,
      phase: 'idle',
      // An unknown start makes forged acks a guess.
      seq: random.below(0x1_0000_0000),
    }
    for (const { peer, incarnation } of rigging.known ?? []) {
      if (peer.name !== options.name) context.membership.insert(peer, incarnation, 0)
    }
    this.#context = context
    this.#gossip = new GossipRound(context)
    this.#refutation = new Refutation(context, this.#gossip)
    this.#healing = new Healing(context, (to, out) => this.#antiEntropy.exchange(to, true, out))
    this.#transitions = new Transitions(context, this.#gossip, this.#refutation, this.#healing)
    this.#antiEntropy = new AntiEntropy(context, this.#refutation, this.#transitions)
    const schedule = new ProbeSchedule(context)
    this.#prober = new Prober(context, this.#gossip, schedule, this.#transitions)
    this.#relay = new Relay(context, this.#gossip)
  }

  get healthScore(): number {
    return this.#context.awareness.score
  }

  get incarnation(): number {
    const { membership } = this.#context
    return membership.incarnation(membership.self)
  }

  get tally(): Readonly<SwimTally> {
    return this.#context.tally
  }

  get queued(): number {
    return this.#context.broadcasts.size + this.#context.userBroadcasts.size
  }

  start(now: Millis, out: Effects): void {
    const context = this.#context
    if (context.phase !== 'idle') throw new SwimError('SWIM_NOT_RUNNING', { phase: context.phase })
    context.phase = 'running'
    const { membership } = context
    membership.setState(membership.self, 'alive', now)
    this.#refutation.announce(now, out)
    this.#prober.start(now, out)
    this.#antiEntropy.start(now, out)
    out.notify({ type: 'join', member: membership.view(membership.self) })
  }

  join(seed: Address, _now: Millis, out: Effects): void {
    this.#mustRun()
    this.#antiEntropy.exchange(seed, true, out)
  }

  receive(from: Address, message: Message, now: Millis, out: Effects): void {
    if (this.#context.phase === 'idle') return
    switch (message.type) {
      case 'ping':
        this.#answer(from, message, out)
        break
      case 'indirect-ping':
        this.#relay.accept(from, message, now, out)
        break
      case 'ack':
        if (!this.#prober.acknowledge(message.seq, now, out)) {
          this.#relay.acknowledge(message.seq, out)
        }
        break
      case 'nack':
        this.#prober.refuse(message.seq)
        break
      case 'alive':
        this.#transitions.alive(message, from, now, out)
        break
      case 'suspect':
        if (this.#isUsable(message, out)) this.#transitions.suspect(message, now, out)
        break
      case 'dead':
        if (this.#isUsable(message, out)) this.#transitions.dead(message, now, out)
        break
      case 'user':
        // One hop: it ends with the driver, who hands it to the application.
        break
      default:
        message satisfies never
    }
  }

  localState(join: boolean): StateExchange {
    return this.#antiEntropy.localState(join)
  }

  mergeState(from: Address, remote: StateExchange, now: Millis, out: Effects): void {
    if (this.#context.phase === 'idle') return
    this.#antiEntropy.merge(from, remote, now, out)
  }

  exchangeFailed(to: Address, _now: Millis, _out: Effects): void {
    this.#antiEntropy.failed(to)
  }

  fire(key: TimerKey, now: Millis, out: Effects): void {
    this.#noticeLag(key, now, out)
    if (key === 'probe') this.#prober.tick(now, out)
    else if (key === 'probe-timeout') this.#prober.timeout(out)
    else if (key === 'gossip') this.#gossip.fire(now, out)
    else if (key === 'push-pull') this.#antiEntropy.fire(now, out)
    else if (key === 'heal') this.#healing.fire(now, out)
    else if (key.startsWith(SUSPICION_PREFIX)) {
      this.#transitions.expire(key.slice(SUSPICION_PREFIX.length), now, out)
    } else if (key.startsWith(RELAY_PREFIX)) {
      this.#relay.expire(Number(key.slice(RELAY_PREFIX.length)), out)
    }
  }

  setMeta(meta: Uint8Array, now: Millis, out: Effects): void {
    this.#mustRun()
    checkMeta(meta)
    const { membership, options } = this.#context
    const { self } = membership
    const previousMeta = membership.peer(self).meta
    this.#refutation.raise(membership.incarnation(self))
    membership.setPeer(self, peerOf({ ...this.#refutation.statement(), meta }, options))
    this.#refutation.announce(now, out)
    if (!sameBytes(previousMeta, meta)) {
      out.notify({ type: 'update', member: membership.view(self), previousMeta })
    }
  }

  lag(lagMs: number, now: Millis, out: Effects): void {
    const { config, phase, planted } = this.#context
    if (planted === 'blame-peers-for-lag') return
    // Less than a probe may take proves nothing about anybody.
    if (phase !== 'running' || lagMs <= config.probeTimeoutMs) return
    this.#lagSeenAt = now
    this.#prober.abandon(out)
    this.#transitions.defer(lagMs, now, out)
    judgeOurselves(this.#context, Math.ceil(lagMs / config.probeIntervalMs), out)
  }

  leave(now: Millis, out: Effects): void {
    const context = this.#context
    if (context.phase === 'leaving' || context.phase === 'left') return
    this.#mustRun()
    const { membership } = context
    const { self } = membership
    const { name } = membership.peer(self)
    context.phase = 'leaving'
    membership.setState(self, 'left', now)
    const incarnation = membership.incarnation(self)
    const goodbye: Dead = { type: 'dead', incarnation, node: name, from: name }
    this.#gossip.announce(name, goodbye, out, now)
    if (membership.countOthers() > 0) return
    context.phase = 'left'
    out.notify({ type: 'left' })
  }

  broadcast(payload: Uint8Array, now: Millis, out: Effects): void {
    const { config, options, phase, userBroadcasts } = this.#context
    if (phase === 'idle') throw new SwimError('SWIM_NOT_RUNNING', { phase })
    const message: User = { type: 'user', payload }
    const bytes = options.measure(message) + PART_OVERHEAD_BYTES
    if (bytes > config.packetBytesMax) {
      throw new SwimError('SWIM_PAYLOAD_TOO_LARGE', { bytes, bytesMax: config.packetBytesMax })
    }
    userBroadcasts.put('', message)
    this.#gossip.wake(out, now)
  }

  releaseAddress(name: string): void {
    const { membership } = this.#context
    const row = membership.find(name)
    if (row !== undefined && row !== membership.self) membership.setReleased(row, true)
  }

  *members(): IterableIterator<Member> {
    const { membership } = this.#context
    for (const row of membership.rows) yield membership.view(row)
  }

  member(name: string): Member | undefined {
    const { membership } = this.#context
    const row = membership.find(name)
    return row === undefined ? undefined : membership.view(row)
  }

  #answer(from: Address, ping: Ping, out: Effects): void {
    const { membership } = this.#context
    const { name } = membership.peer(membership.self)
    if (ping.node !== '' && ping.node !== name) return
    this.#gossip.sendWith(
      sourceOf(ping, from),
      { type: 'ack', seq: ping.seq, payload: NO_BYTES },
      out,
    )
  }

  #isUsable(claim: Suspect | Dead, out: Effects): boolean {
    const reason = accusationFault(claim)
    if (reason === undefined) return true
    out.notify({ type: 'refused', subject: claim.node, reason })
    return false
  }

  /** A timer that fires far too late says that we were not running; what waited for it is no evidence. */
  #noticeLag(key: TimerKey, now: Millis, out: Effects): void {
    const plannedAt = this.#plannedAt(key)
    if (plannedAt === undefined) return
    this.lag(now - Math.max(plannedAt, this.#lagSeenAt), now, out)
  }

  #plannedAt(key: TimerKey): Millis | undefined {
    if (key === 'probe') return this.#prober.nextTickAt
    if (key === 'probe-timeout') return this.#prober.timeoutAt
    if (!key.startsWith(SUSPICION_PREFIX)) return undefined
    return this.#transitions.deadlineOf(key.slice(SUSPICION_PREFIX.length))
  }

  #mustRun(): void {
    const { phase } = this.#context
    if (phase !== 'running') throw new SwimError('SWIM_NOT_RUNNING', { phase })
  }
}

/** Incarnations are not kept over restarts: a restarted member climbs by refutation. */
const FIRST_INCARNATION = 1

function ownPeer(options: SwimOptions): Peer {
  const { name, address, port, meta, versions } = options
  const incarnation = FIRST_INCARNATION
  return peerOf({ type: 'alive', incarnation, node: name, address, port, meta, versions }, options)
}

function validateOptions(options: SwimOptions): void {
  const { name, address, port, meta, versions } = options
  validateConfig(options.config)
  const nameReason = nameFault(name)
  if (nameReason !== undefined) throw new SwimError('SWIM_NAME_INVALID', { reason: nameReason })
  if (!isAddress(address) || !Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new SwimError('SWIM_ADDRESS_INVALID', { bytes: address.length, port })
  }
  const versionsReason = versionsFault(versions) ?? versionsMismatch(versions, versions)
  if (versionsReason !== undefined) {
    throw new SwimError('SWIM_VERSIONS_INVALID', { reason: versionsReason })
  }
  checkMeta(meta)
}

function checkMeta(meta: Uint8Array): void {
  if (meta.length > META_BYTES_MAX) {
    throw new SwimError('SWIM_META_TOO_LARGE', { bytes: meta.length, bytesMax: META_BYTES_MAX })
  }
}
