import type { Context } from './context.ts'
import type { Effects, Millis } from './effects.ts'
import { PART_OVERHEAD_BYTES } from './limits.ts'
import type { Row } from './membership.ts'
import type { Address, Dead, Message } from './messages.ts'
import { sample } from './random.ts'
import { retransmitLimit } from './timing.ts'
import { mannerFor } from './versions.ts'

/**
 * Spreads news. A round runs every `gossipIntervalMs` while there is something to tell and somebody
 * to tell it to; an idle cluster gossips nothing and needs no timer.
 */
export class GossipRound {
  readonly #context: Context
  #armed = false

  constructor(context: Context) {
    this.#context = context
  }

  /** Queues news about a member in place of older news about it. */
  announce(name: string, message: Message, out: Effects, now: Millis): void {
    this.#context.broadcasts.put(name, message)
    this.wake(out, now)
  }

  /** Starts the rounds if they rest. The first comes after a random part of the interval. */
  wake(out: Effects, now: Millis): void {
    const { config, options, phase } = this.#context
    if (this.#armed || phase === 'idle') return
    this.#armed = true
    out.setTimer('gossip', now + options.random.below(config.gossipIntervalMs))
  }

  fire(now: Millis, out: Effects): void {
    this.#armed = false
    const { config, membership } = this.#context
    const targets = this.#targets(now)
    for (const target of targets) {
      const packet = this.#fill(config.packetBytesMax, [])
      if (packet.length === 0) break
      const { to, versions } = membership.peer(target)
      out.sendPacket(to, packet, mannerFor(versions))
    }
    this.#finishLeave(targets.length === 0, out)
    if (targets.length > 0 && this.#queued() > 0) {
      this.#armed = true
      out.setTimer('gossip', now + config.gossipIntervalMs)
    }
  }

  /** Sends `head`, and what news fits beside it. */
  sendWith(to: Address, head: Message, out: Effects): void {
    const packet: Message[] = [head]
    if (this.#queued() > 0) {
      const { config, options } = this.#context
      const headBytes = options.measure(head) + PART_OVERHEAD_BYTES
      this.#fill(config.packetBytesMax - headBytes, packet)
    }
    out.sendPacket(to, packet)
  }

  #queued(): number {
    return this.#context.broadcasts.size + this.#context.userBroadcasts.size
  }

  #fill(budgetBytes: number, packet: Message[]): Message[] {
    const { broadcasts, userBroadcasts, config, membership, planted } = this.#context
    const limit =
      planted === 'unbounded-retransmit'
        ? Number.POSITIVE_INFINITY
        : retransmitLimit(config.retransmitMult, membership.size)
    const used = broadcasts.take(budgetBytes, limit, packet)
    userBroadcasts.take(budgetBytes - used, limit, packet)
    return packet
  }

  #targets(now: Millis): Row[] {
    const { config, membership, options } = this.#context
    return sample(
      membership.rows,
      config.gossipNodes,
      (row) => this.#isListener(row, now),
      options.random,
    )
  }

  /** The recently dead may be alive and must hear of their death; those who left have gone. */
  #isListener(row: Row, now: Millis): boolean {
    const { config, membership, planted } = this.#context
    if (row === membership.self) return false
    if (!membership.isGone(row)) return true
    if (membership.state(row) === 'left' || planted === 'no-gossip-to-the-dead') return false
    return now - membership.since(row) <= config.gossipToTheDeadMs
  }

  /** Our leave is done when it has been told as often as news is told, or nobody is there to hear it. */
  #finishLeave(alone: boolean, out: Effects): void {
    const context = this.#context
    if (context.phase !== 'leaving') return
    const { membership } = context
    const message = context.broadcasts.get(membership.peer(membership.self).name)
    if (!alone && message !== undefined && isLeave(message)) return
    context.phase = 'left'
    out.notify({ type: 'left' })
  }
}

const isLeave = (message: Message): message is Dead =>
  message.type === 'dead' && message.from === message.node
