import { type Context, judgeOurselves, nextSeq } from './context.ts'
import type { Effects, Millis } from './effects.ts'
import type { GossipRound } from './gossip-round.ts'
import type { Membership, Row } from './membership.ts'
import type { IndirectPing, Ping, Suspect } from './messages.ts'
import type { ProbeSchedule } from './probe-schedule.ts'
import { sample } from './random.ts'
import type { Transitions } from './transitions.ts'
import { answersStreamPings, mannerFor, sendsNacks } from './versions.ts'

interface Probe {
  /** Rows are forgotten only between probes, so it holds until the verdict. */
  readonly row: Row
  readonly incarnation: number
  readonly seq: number
  readonly startedAt: Millis
  /** When the direct ping counts as lost. */
  readonly timeoutAt: Millis
  /** When the verdict falls. */
  readonly deadline: Millis
  direct: boolean
  nacksOwed: number
  nacks: number
}

/** Share of the old value in the smoothed round trip: 7 of 8, as TCP does (RFC 6298). */
const RTT_SMOOTHING = 8

/**
 * The failure detector: one probe at a time.
 *
 *   tick ── ping ──────────── no ack for probeTimeoutMs ──┬─ indirect pings by others ─┐
 *                                                         └─ ping over a stream ───────┤
 *   deadline (probeIntervalMs × (health + 1)): no ack by any way → suspect ◄───────────┘
 *
 * All ways carry one sequence number; the first ack decides.
 */
export class Prober {
  readonly #context: Context
  readonly #gossip: GossipRound
  readonly #schedule: ProbeSchedule
  readonly #transitions: Transitions
  #probe: Probe | undefined
  #nextTickAt: Millis = 0

  constructor(
    context: Context,
    gossip: GossipRound,
    schedule: ProbeSchedule,
    transitions: Transitions,
  ) {
    this.#context = context
    this.#gossip = gossip
    this.#schedule = schedule
    this.#transitions = transitions
  }

  get nextTickAt(): Millis {
    return this.#nextTickAt
  }

  get timeoutAt(): Millis | undefined {
    return this.#probe?.timeoutAt
  }

  start(now: Millis, out: Effects): void {
    const { config, options } = this.#context
    this.#arm(now + options.random.below(config.probeIntervalMs), out)
  }

  /** Every probe interval: the verdict on the last member, then the next. */
  tick(now: Millis, out: Effects): void {
    const { config, phase } = this.#context
    if (phase !== 'running') return
    // Ticks that we slept through are not made up for.
    const onTime = this.#nextTickAt + config.probeIntervalMs
    this.#arm(onTime > now ? onTime : now + config.probeIntervalMs, out)
    if (this.#probe !== undefined) {
      const { deadline } = this.#probe
      if (now < deadline) {
        // A probe that began a moment late has its verdict a moment after this tick, not a whole interval later.
        if (deadline < this.#nextTickAt) this.#arm(deadline, out)
        return
      }
      this.#fail(this.#probe, now, out)
    }
    this.#begin(now, out)
  }

  /** The direct ping got no answer: ask others to try, and try a stream. */
  timeout(out: Effects): void {
    const probe = this.#probe
    if (probe === undefined) return
    probe.direct = false
    const { membership, tally } = this.#context
    const peer = membership.peer(probe.row)
    for (const row of this.#relays(probe.row)) {
      const relay = membership.peer(row)
      const nack = sendsNacks(relay.versions)
      if (nack) probe.nacksOwed++
      tally.indirectAsked++
      this.#gossip.sendWith(relay.to, this.#request(probe, nack), out)
    }
    if (answersStreamPings(peer.versions)) {
      out.pingOverStream(peer.to, peer.name, probe.seq, probe.deadline)
    }
  }

  /** True when the ack was ours. */
  acknowledge(seq: number, now: Millis, out: Effects): boolean {
    const probe = this.#probe
    if (probe?.seq !== seq) return false
    this.#probe = undefined
    out.clearTimer('probe-timeout')
    if (probe.direct) smooth(this.#context.membership, probe.row, now - probe.startedAt)
    judgeOurselves(this.#context, -1, out)
    return true
  }

  refuse(seq: number): void {
    if (this.#probe?.seq !== seq) return
    this.#context.tally.nacksHeard++
    this.#probe.nacks++
  }

  /** We slept: the probe under way proves nothing. */
  abandon(out: Effects): void {
    if (this.#probe === undefined) return
    this.#probe = undefined
    out.clearTimer('probe-timeout')
  }

  #arm(at: Millis, out: Effects): void {
    this.#nextTickAt = at
    out.setTimer('probe', at)
  }

  #begin(now: Millis, out: Effects): void {
    const row = this.#schedule.next(now, out)
    if (row === undefined) {
      this.#probe = undefined
      return
    }
    const { awareness, config, membership } = this.#context
    const probe: Probe = {
      row,
      incarnation: membership.incarnation(row),
      seq: nextSeq(this.#context),
      startedAt: now,
      timeoutAt: now + config.probeTimeoutMs,
      deadline: now + awareness.scale(config.probeIntervalMs),
      direct: true,
      nacksOwed: 0,
      nacks: 0,
    }
    this.#context.tally.probes++
    this.#probe = probe
    out.setTimer('probe-timeout', probe.timeoutAt)
    this.#ping(probe, out)
  }

  #ping(probe: Probe, out: Effects): void {
    const { membership, planted, tally } = this.#context
    const { row } = probe
    const { name, to, versions } = membership.peer(row)
    const ping = pingFor(this.#context, probe.seq, name)
    if (membership.state(row) !== 'suspect' || planted === 'keep-suspicion-secret') {
      this.#gossip.sendWith(to, ping, out)
      return
    }
    // Whoever is under suspicion hears it with the ping, so that it can refute at once.
    const from = membership.peer(membership.self).name
    const incarnation = membership.incarnation(row)
    const buddy: Suspect = { type: 'suspect', incarnation, node: name, from }
    tally.suspectsTold++
    out.sendPacket(to, [ping, buddy], mannerFor(versions))
  }

  #fail(probe: Probe, now: Millis, out: Effects): void {
    this.#probe = undefined
    this.#context.tally.probesFailed++
    // Silent helpers say more about us than about the target.
    const owed = probe.nacksOwed
    judgeOurselves(this.#context, owed > 0 ? Math.max(0, owed - probe.nacks) : 1, out)
    const { membership } = this.#context
    const { name } = membership.peer(probe.row)
    const from = membership.peer(membership.self).name
    const verdict: Suspect = {
      type: 'suspect',
      // As it was when we asked: a refutation since then stands.
      incarnation: probe.incarnation,
      node: name,
      from,
    }
    this.#transitions.suspect(verdict, now, out)
  }

  #relays(target: Row): Row[] {
    const { config, membership, options } = this.#context
    const canRelay = (row: Row) =>
      membership.isAlive(row) && row !== membership.self && row !== target
    return sample(membership.rows, config.indirectChecks, canRelay, options.random)
  }

  #request(probe: Probe, nack: boolean): IndirectPing {
    const { membership } = this.#context
    const peer = membership.peer(probe.row)
    const source = membership.peer(membership.self)
    return {
      type: 'indirect-ping',
      seq: probe.seq,
      target: peer.address,
      port: peer.to.port,
      node: peer.name,
      nack,
      sourceAddress: source.address,
      sourcePort: source.port,
      sourceNode: source.name,
    }
  }
}

/** Our ping to a member of this name. */
export function pingFor(context: Context, seq: number, node: string): Ping {
  const { membership } = context
  const peer = membership.peer(membership.self)
  return {
    type: 'ping',
    seq,
    node,
    sourceAddress: peer.address,
    sourcePort: peer.port,
    sourceNode: peer.name,
  }
}

function smooth(membership: Membership, row: Row, elapsedMs: number): void {
  const micros = Math.round(elapsedMs * 1000)
  const old = membership.rttMicros(row) ?? micros
  membership.setRttMicros(row, Math.round(old + (micros - old) / RTT_SMOOTHING))
}
