import { hostOf } from './address.ts'
import { aliveFault } from './admission.ts'
import { sameBytes } from './bytes.ts'
import type { Context } from './context.ts'
import type { Effects, Millis } from './effects.ts'
import type { GossipRound } from './gossip-round.ts'
import type { Healing } from './healing.ts'
import type { Peer } from './member.ts'
import type { Membership, Row } from './membership.ts'
import type { Address, AddressBytes, Alive, Dead, Suspect } from './messages.ts'
import { peerOf, targetOf } from './peer.ts'
import type { Refutation } from './refutation.ts'
import { Suspicion } from './suspicion.ts'
import { suspicionConfirmations, suspicionTimeoutMs } from './timing.ts'

export const suspicionKey = (name: string): string => `suspicion:${name}`

/**
 * The rules of SWIM: what a claim about a member changes.
 *
 *   alive(i) beats alive, suspect(j), dead(j) and left(j) of j < i
 *   suspect(i) beats alive(j) of j ≤ i
 *   dead(i) beats alive(j) and suspect(j) of j ≤ i
 *
 * A claim that changes something is news and travels on; one that changes nothing dies here. The
 * stored incarnation never falls while the address stays the same.
 */
export class Transitions {
  readonly #context: Context
  readonly #gossip: GossipRound
  readonly #refutation: Refutation
  readonly #healing: Healing

  constructor(context: Context, gossip: GossipRound, refutation: Refutation, healing: Healing) {
    this.#context = context
    this.#gossip = gossip
    this.#refutation = refutation
    this.#healing = healing
  }

  /** `from` is where the claim came from, where that may be its subject. */
  alive(claim: Alive, from: Address | undefined, now: Millis, out: Effects): void {
    const { membership, options, phase } = this.#context
    const row = membership.find(claim.node)
    const own = row === membership.self
    if (own ? phase !== 'running' : row !== undefined && isOldNews(membership, row, claim)) return
    const fault =
      aliveFault(claim, options.versions) ?? (own ? undefined : options.refusal?.(claim))
    if (fault !== undefined) refuse(claim.node, fault, out)
    else if (row === undefined) this.#admit(claim, from, now, out)
    else this.#aliveAgain(row, claim, from, now, out)
  }

  suspect(claim: Suspect, now: Millis, out: Effects): void {
    const { membership, phase } = this.#context
    const row = membership.find(claim.node)
    if (row === undefined || this.#isStale(row, claim, out)) return
    if (row === membership.self) {
      if (phase === 'running') this.#refutation.refute(claim.incarnation, now, out)
      return
    }
    const suspicion = membership.suspicion(row)
    if (suspicion !== undefined) this.#confirm(row, suspicion, claim, now, out)
    else if (membership.isGone(row)) this.#raise(row, claim, now, out)
    else this.#doubt(row, claim, now, out)
  }

  dead(claim: Dead, now: Millis, out: Effects): void {
    const { membership } = this.#context
    const row = membership.find(claim.node)
    if (row === undefined || this.#isStale(row, claim, out)) return
    if (row === membership.self) this.evicted(claim.incarnation, claim.from, now, out)
    // Those who died cannot leave any more, and the other way round.
    else if (membership.isGone(row)) this.#raise(row, claim, now, out)
    else this.#end(row, claim, now, out)
  }

  /** Others hold us dead or left. Owners must hear it before we deny it. */
  evicted(incarnation: number, from: string, now: Millis, out: Effects): void {
    const { membership, phase, planted } = this.#context
    if (phase !== 'running' || incarnation < membership.incarnation(membership.self)) return
    if (planted === 'refute-before-eviction') this.#refutation.refute(incarnation, now, out)
    out.notify({ type: 'evicted', incarnation, from })
    if (planted !== 'refute-before-eviction') this.#refutation.refute(incarnation, now, out)
  }

  /** The suspicion timer of a member fired. */
  expire(name: string, now: Millis, out: Effects): void {
    const { membership, planted } = this.#context
    const row = membership.find(name)
    const suspicion = row === undefined ? undefined : membership.suspicion(row)
    if (row === undefined || suspicion === undefined) return
    if (planted === 'suspicion-never-ends') return
    if (suspicion.deadline > now) {
      out.setTimer(suspicionKey(name), suspicion.deadline)
      return
    }
    const from = membership.peer(membership.self).name
    const incarnation = membership.incarnation(row)
    this.dead({ type: 'dead', incarnation, node: name, from }, now, out)
  }

  /** When a suspicion ends, if one runs. */
  deadlineOf(name: string): Millis | undefined {
    const { membership } = this.#context
    const row = membership.find(name)
    return row === undefined ? undefined : membership.suspicion(row)?.deadline
  }

  /** We slept for `lagMs` and may have missed refutations: nobody dies for that. O(n). */
  defer(lagMs: number, now: Millis, out: Effects): void {
    const { membership, tally } = this.#context
    for (const row of membership.rows) {
      const suspicion = membership.suspicion(row)
      if (suspicion === undefined) continue
      tally.deferrals++
      suspicion.defer(lagMs, now)
      out.setTimer(suspicionKey(membership.peer(row).name), suspicion.deadline)
    }
  }

  /**
   * An accusation below what we know is no news. If it is about ourselves, the accuser has missed our
   * answer, which is no longer gossiped: it gets it directly.
   */
  #isStale(row: Row, claim: Suspect | Dead, out: Effects): boolean {
    const { membership, phase, tally } = this.#context
    if (claim.incarnation >= membership.incarnation(row)) return false
    const accuser = membership.find(claim.from)
    const mayAnswer = row === membership.self && accuser !== undefined && accuser !== row
    if (mayAnswer && phase === 'running') {
      tally.accusersTold++
      out.sendPacket(membership.peer(accuser).to, [this.#refutation.statement()])
    }
    return true
  }

  #aliveAgain(row: Row, claim: Alive, from: Address | undefined, now: Millis, out: Effects): void {
    const moved = !this.#isSameAddress(row, claim)
    if (moved && !this.#mayMove(row, claim, now, out)) return
    const { membership } = this.#context
    if (row === membership.self) this.#answerAlive(claim, now, out)
    else if (moved || claim.incarnation > membership.incarnation(row) || this.#revives(row)) {
      this.#accept(row, claim, now, out)
    } else this.#answerStale(row, from, now, out)
  }

  #doubt(row: Row, claim: Suspect, now: Millis, out: Effects): void {
    const { membership } = this.#context
    membership.setState(row, 'suspect', now)
    membership.setIncarnation(row, claim.incarnation)
    this.#startSuspicion(row, claim.from, now, out)
    this.#gossip.announce(claim.node, claim, out, now)
    out.notify({ type: 'suspect', member: membership.view(row), from: claim.from })
  }

  #end(row: Row, claim: Dead, now: Millis, out: Effects): void {
    this.#endSuspicion(row, out)
    this.#context.membership.setIncarnation(row, claim.incarnation)
    if (this.#context.planted !== 'no-gossip-of-deaths') {
      this.#gossip.announce(claim.node, claim, out, now)
    }
    if (claim.from === claim.node) this.#bury(row, now, out)
    else this.#giveUp(row, claim.from, now, out)
  }

  #admit(claim: Alive, from: Address | undefined, now: Millis, out: Effects): void {
    const { config, membership, options } = this.#context
    // Incarnation 0 is nobody's: memberlist keeps a dead phantom of it.
    if (claim.incarnation === 0) return
    if (options.isAllowed?.(claim.address) === false) {
      refuse(claim.node, `address ${hostOf(claim.address)} is not allowed`, out)
    } else if (membership.size >= config.membersMax) {
      refuse(claim.node, `the table is full (${config.membersMax} members)`, out)
    } else if (this.#isRevival(claim, from)) {
      this.#tellOfDeath(claim.node, claim.incarnation, out)
    } else {
      this.#insert(claim, now, out)
    }
  }

  #insert(claim: Alive, now: Millis, out: Effects): void {
    const { membership, options } = this.#context
    const row = membership.insert(peerOf(claim, options), claim.incarnation, now)
    this.#remind(row, out)
    this.#gossip.announce(claim.node, claim, out, now)
    out.notify({ type: 'join', member: membership.view(row) })
  }

  #accept(row: Row, claim: Alive, now: Millis, out: Effects): void {
    const { membership, options } = this.#context
    const before = membership.state(row)
    const previous = membership.peer(row)
    this.#endSuspicion(row, out)
    if (!describes(previous, claim)) membership.setPeer(row, peerOf(claim, options))
    membership.setIncarnation(row, claim.incarnation)
    membership.setReleased(row, false)
    if (before !== 'alive') membership.setState(row, 'alive', now)
    this.#healing.find(claim.node)
    this.#gossip.announce(claim.node, claim, out, now)
    if (before === 'dead' || before === 'left') {
      out.notify({ type: 'join', member: membership.view(row) })
      return
    }
    if (before === 'suspect') out.notify({ type: 'refuted', member: membership.view(row) })
    const { meta, to } = membership.peer(row)
    if (!sameBytes(previous.meta, meta) || !isSameTarget(previous.to, to)) {
      out.notify({ type: 'update', member: membership.view(row), previousMeta: previous.meta })
    }
  }

  /**
   * Somebody who has not heard of a death tells what we gave up and forgot as alive. Only the member itself may say so;
   * it climbs above the accusation when it hears it. (memberlist believes it: hashicorp/memberlist#312)
   */
  #isRevival(claim: Alive, from: Address | undefined): boolean {
    const lost = this.#healing.lost(claim.node)
    if (lost === undefined || claim.incarnation > lost.incarnation) return false
    if (this.#context.planted === 'revive-the-forgotten') return false
    const { to } = lost
    const itself = from !== undefined && isSameTarget(from, to)
    return !itself && isSameTarget(to, targetOf(claim, this.#context.options.port))
  }

  /**
   * A member that we gave up is back, after its record was forgotten. It may never have heard of its
   * death; it must, because others have served in its place since then.
   */
  #remind(row: Row, out: Effects): void {
    const { membership } = this.#context
    const { name, to } = membership.peer(row)
    const lost = this.#healing.lost(name)
    if (lost !== undefined && isSameTarget(lost.to, to))
      this.#tellOfDeath(name, membership.incarnation(row), out)
    this.#healing.find(name)
  }

  #tellOfDeath(name: string, claimed: number, out: Effects): void {
    const { membership, planted, tally } = this.#context
    const lost = this.#healing.lost(name)
    if (lost === undefined || planted === 'skip-reminder') return
    const incarnation = Math.max(lost.incarnation, claimed)
    const from = membership.peer(membership.self).name
    tally.reminders++
    out.sendPacket(lost.to, [{ type: 'dead', incarnation, node: name, from }])
  }

  /** Somebody tells what we were before a restart, or what we never were. */
  #answerAlive(claim: Alive, now: Millis, out: Effects): void {
    const { membership } = this.#context
    const incarnation = membership.incarnation(membership.self)
    if (claim.incarnation < incarnation) return
    const { meta, versions } = membership.peer(membership.self)
    const same = sameBytes(claim.meta, meta) && sameBytes(claim.versions, versions)
    if (claim.incarnation === incarnation && same) return
    this.#refutation.refute(claim.incarnation, now, out)
  }

  /**
   * An alive that is too old for a member who is dead or left: perhaps it restarted and counts from 1
   * again. It must hear the accusation to climb above it. We tell a suspicion, not a death: somebody
   * else may rightly hold it alive, and should not drop it on our word.
   */
  #answerStale(row: Row, from: Address | undefined, now: Millis, out: Effects): void {
    const { broadcasts, membership } = this.#context
    if (!membership.isGone(row)) return
    const { name, to } = membership.peer(row)
    const accusation: Suspect = {
      type: 'suspect',
      incarnation: membership.incarnation(row),
      node: name,
      from: membership.peer(membership.self).name,
    }
    if (from !== undefined && isSameTarget(from, to)) {
      this.#context.tally.staleTold++
      out.sendPacket(to, [accusation])
    }
    if (broadcasts.get(name) === undefined) this.#gossip.announce(name, accusation, out, now)
  }

  #confirm(row: Row, suspicion: Suspicion, claim: Suspect, now: Millis, out: Effects): void {
    const { membership, planted, tally } = this.#context
    membership.setIncarnation(row, claim.incarnation)
    if (planted === 'ignore-confirmations' || !suspicion.confirm(claim.from, now)) return
    tally.confirmations++
    out.setTimer(suspicionKey(claim.node), suspicion.deadline)
    this.#gossip.announce(claim.node, claim, out, now)
  }

  /** The member is gone already; a higher accusation is still news, or an old alive could slip below it. */
  #raise(row: Row, claim: Suspect | Dead, now: Millis, out: Effects): void {
    const { membership } = this.#context
    if (claim.incarnation === membership.incarnation(row)) return
    membership.setIncarnation(row, claim.incarnation)
    this.#gossip.announce(claim.node, claim, out, now)
  }

  #giveUp(row: Row, from: string, now: Millis, out: Effects): void {
    const { membership } = this.#context
    membership.setState(row, 'dead', now)
    this.#healing.lose(row, now, out)
    out.notify({ type: 'fail', member: membership.view(row), from })
  }

  #bury(row: Row, now: Millis, out: Effects): void {
    const { membership } = this.#context
    membership.setState(row, 'left', now)
    this.#healing.find(membership.peer(row).name)
    out.notify({ type: 'leave', member: membership.view(row) })
  }

  #startSuspicion(row: Row, from: string, now: Millis, out: Effects): void {
    const { config, membership, planted } = this.#context
    const members = membership.size
    const minMs = suspicionTimeoutMs(config.suspicionMult, members, config.probeIntervalMs)
    const maxMs = config.suspicionMaxTimeoutMult * minMs
    const wanted = suspicionConfirmations(config.suspicionMult, members)
    const suspicion = new Suspicion(from, wanted, minMs, maxMs, now)
    if (planted === 'count-the-first-accuser-twice') suspicion.confirm(`${from} again`, now)
    membership.setSuspicion(row, suspicion)
    out.setTimer(suspicionKey(membership.peer(row).name), suspicion.deadline)
  }

  #endSuspicion(row: Row, out: Effects): void {
    const { membership } = this.#context
    if (membership.suspicion(row) === undefined) return
    membership.setSuspicion(row, undefined)
    out.clearTimer(suspicionKey(membership.peer(row).name))
  }

  /** Normalised: the same IP in its other byte form is no conflict of ours. */
  #isSameAddress(row: Row, claim: Alive): boolean {
    const peer = this.#context.membership.peer(row)
    if (peer.port === claim.port && sameBytes(peer.address, claim.address)) return true
    return isSameTarget(peer.to, targetOf(claim, this.#context.options.port))
  }

  /** May the name move to the claimed address? If not, it is told as a conflict. */
  #mayMove(row: Row, claim: Alive, now: Millis, out: Effects): boolean {
    const { config, membership, options, planted } = this.#context
    const state = membership.state(row)
    const goneForMs = now - membership.since(row)
    const free =
      row !== membership.self &&
      (planted === 'steal-name' ||
        membership.isReleased(row) ||
        state === 'left' ||
        (state === 'dead' && config.deadNodeReclaimMs > 0 && goneForMs > config.deadNodeReclaimMs))
    if (!free) {
      out.notify({
        type: 'conflict',
        existing: membership.view(row),
        other: targetOf(claim, this.#context.options.port),
      })
      return false
    }
    if (options.isAllowed?.(claim.address) !== false) return true
    refuse(claim.node, `address ${hostOf(claim.address)} is not allowed`, out)
    return false
  }

  #revives(row: Row): boolean {
    return this.#context.planted === 'stale-alive-revives' && this.#context.membership.isGone(row)
  }
}

/**
 * Most of what gossip and push/pull bring is known already: then nothing else needs to be looked at.
 * A claim about somebody who is gone is another matter, and so is one about another address.
 */
export function isOldNews(
  membership: Membership,
  row: Row,
  claim: { readonly incarnation: number; readonly address: AddressBytes; readonly port: number },
): boolean {
  if (membership.isGone(row) || claim.incarnation > membership.incarnation(row)) return false
  const { address, port } = membership.peer(row)
  return claim.port === port && sameBytes(claim.address, address)
}

function describes(peer: Peer, claim: Alive): boolean {
  return (
    peer.port === claim.port &&
    sameBytes(peer.address, claim.address) &&
    sameBytes(peer.meta, claim.meta) &&
    sameBytes(peer.versions, claim.versions)
  )
}

const isSameTarget = (a: Address, b: Address): boolean => a.port === b.port && a.host === b.host

function refuse(subject: string, reason: string, out: Effects): void {
  out.notify({ type: 'refused', subject, reason })
}
