import { rowFault } from './admission.ts'
import { NO_BYTES } from './bytes.ts'
import type { Context } from './context.ts'
import type { Effects, Millis } from './effects.ts'
import { EXCHANGES_MAX } from './limits.ts'
import type { Membership, Row } from './membership.ts'
import type { Address, Alive, NodeState, StateExchange } from './messages.ts'
import { sample } from './random.ts'
import type { Refutation } from './refutation.ts'
import { pushPullIntervalMs } from './timing.ts'
import { isOldNews, type Transitions } from './transitions.ts'

/** Refused rows of one exchange that are told one by one; the rest are told as a number. */
const REFUSALS_TOLD_MAX = 16

const keyOf = (address: Address): string => `${address.host}|${address.port}`

/** Push/pull: two members show each other all they know, so that lost gossip is made good. */
export class AntiEntropy {
  readonly #context: Context
  readonly #refutation: Refutation
  readonly #transitions: Transitions
  /** Exchanges that we began: only their other side listens where we called it. */
  readonly #begun = new Set<string>()

  constructor(context: Context, refutation: Refutation, transitions: Transitions) {
    this.#context = context
    this.#refutation = refutation
    this.#transitions = transitions
  }

  start(now: Millis, out: Effects): void {
    const { config, options } = this.#context
    if (config.pushPullIntervalMs === 0) return
    out.setTimer('push-pull', now + options.random.below(config.pushPullIntervalMs))
  }

  fire(now: Millis, out: Effects): void {
    const { config, membership, options, phase } = this.#context
    if (phase !== 'running') return
    const isPartner = (row: Row) => row !== membership.self && membership.isAlive(row)
    const [partner] = sample(membership.rows, 1, isPartner, options.random)
    if (partner !== undefined) this.exchange(membership.peer(partner).to, false, out)
    out.setTimer('push-pull', now + pushPullIntervalMs(config.pushPullIntervalMs, membership.size))
  }

  exchange(to: Address, join: boolean, out: Effects): void {
    const key = keyOf(to)
    if (this.#begun.size >= EXCHANGES_MAX) {
      const [oldest] = this.#begun
      if (oldest !== undefined) this.#begun.delete(oldest)
    }
    this.#begun.add(key)
    out.exchangeState(to, this.localState(join))
  }

  failed(to: Address): void {
    this.#begun.delete(keyOf(to))
  }

  /** Every record, ours among them. O(n). */
  localState(join: boolean): StateExchange {
    const { membership, options } = this.#context
    const nodes = Array.from(membership.rows, (row) => stateOf(membership, row))
    return { join, nodes, userState: options.userState?.() ?? NO_BYTES }
  }

  /** Takes the other half. A row that we cannot use is skipped and named, and costs only itself. O(rows). */
  merge(from: Address, remote: StateExchange, now: Millis, out: Effects): void {
    const { membership, options } = this.#context
    const before = membership.incarnation(membership.self)
    let refused = 0
    for (const row of remote.nodes) {
      if (row.state === 'alive' && this.#isKnown(row)) continue
      const reason = rowFault(row, options.versions)
      if (reason === undefined) this.#mergeRow(row, from, now, out)
      else if (++refused <= REFUSALS_TOLD_MAX) this.#refuse(row.name, reason, from, out)
    }
    if (refused > REFUSALS_TOLD_MAX) {
      this.#refuse('', `${refused - REFUSALS_TOLD_MAX} more rows`, from, out)
    }
    // They told us something false about ourselves; they are the first to hear the answer, and
    // after a partition they are the only ones over there who can.
    const ours = membership.incarnation(membership.self)
    const answered = this.#begun.delete(keyOf(from)) && ours !== before
    if (answered) out.sendPacket(from, [this.#refutation.statement()])
  }

  #isKnown(row: NodeState): boolean {
    const { membership } = this.#context
    const known = membership.find(row.name)
    return known !== undefined && known !== membership.self && isOldNews(membership, known, row)
  }

  #mergeRow(row: NodeState, from: Address, now: Millis, out: Effects): void {
    const { membership, planted } = this.#context
    const { name, incarnation } = row
    const us = membership.peer(membership.self).name
    if (row.state === 'alive') {
      this.#transitions.alive(aliveOf(row), from, now, out)
    } else if (name === us && row.state !== 'suspect') {
      this.#transitions.evicted(incarnation, `${from.host}:${from.port}`, now, out)
    } else if (row.state === 'left') {
      this.#transitions.dead({ type: 'dead', incarnation, node: name, from: name }, now, out)
    } else if (row.state === 'dead' && planted === 'dead-by-hearsay') {
      this.#transitions.dead({ type: 'dead', incarnation, node: name, from: us }, now, out)
    } else {
      // Death is never taken on hearsay: the member gets its chance to deny it.
      this.#transitions.suspect({ type: 'suspect', incarnation, node: name, from: us }, now, out)
    }
  }

  #refuse(subject: string, reason: string, from: Address, out: Effects): void {
    out.notify({
      type: 'refused',
      subject,
      reason: `${reason} (state of ${from.host}:${from.port})`,
    })
  }
}

/** What an alive row of a push/pull claims. */
export function aliveOf(row: NodeState): Alive {
  const { name, incarnation, address, port, meta, versions } = row
  return { type: 'alive', node: name, incarnation, address, port, meta, versions }
}

function stateOf(membership: Membership, row: Row): NodeState {
  const peer = membership.peer(row)
  return {
    name: peer.name,
    address: peer.address,
    port: peer.port,
    meta: peer.meta,
    incarnation: membership.incarnation(row),
    state: membership.state(row),
    versions: peer.versions,
  }
}
