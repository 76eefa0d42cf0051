import { ejectionCap } from './ejection-cap.ts'

/** What one member says of one backend. */
export type Verdict = 'up' | 'down'

export interface ElectorateLimits {
  /** A verdict counts while it is younger than this: three check intervals. */
  readonly verdictMs: number
  /** Share of the pool that may be out, in percent. The last backend never is. */
  readonly ejectPercentMax: number
}

interface Vote {
  readonly verdicts: ReadonlyMap<string, Verdict>
  readonly at: number
}

/** Up to this many voters all of them have to agree that a backend is down. */
const FEW_VOTERS = 2

/**
 * What the members together say of the backends of one pool. A backend is *out* when more than half of the electorate says
 * down (of one or two: all of it), and back when more than half says up; in between it stays as it is. The electorate of a
 * backend is the live members with a recent verdict on it, so a router with a bad network of its own is outvoted, and one that is
 * gone does not count. Without any verdict a backend is up.
 *
 *   up ── down > n/2 (n ≤ 2: all) and the cap allows it ──► out ── up > n/2, or no verdict at all ──► up
 */
export class Electorate {
  readonly #limits: ElectorateLimits
  readonly #votes = new Map<string, Vote>()
  #out: ReadonlySet<string> = new Set()

  constructor(limits: ElectorateLimits) {
    this.#limits = limits
  }

  /** Backends that are out. */
  get out(): ReadonlySet<string> {
    return this.#out
  }

  /** A member's verdicts on all backends that it has one on; they replace its last ones. */
  vote(member: string, verdicts: ReadonlyMap<string, Verdict>, now: number): void {
    this.#votes.set(member, { verdicts, at: now })
  }

  /**
   * Counts the votes. O(members × backends).
   * @param members the live ones; the votes of others are dropped
   * @param backends ids of the pool
   * @returns true when somebody went out or came back
   */
  count(members: ReadonlySet<string>, backends: readonly string[], now: number): boolean {
    for (const [member, { at }] of this.#votes)
      if (!members.has(member) || now - at >= this.#limits.verdictMs) this.#votes.delete(member)
    const stay: string[] = []
    const leave: { readonly id: string; readonly share: number }[] = []
    for (const id of backends) {
      const { up, down } = this.#tally(id)
      if (this.#out.has(id)) {
        if (down > 0 && 2 * up <= up + down) stay.push(id)
      } else if (isOut(up, down)) leave.push({ id, share: down / (up + down) })
    }
    return this.#take(stay, leave, backends.length)
  }

  #tally(id: string): { readonly up: number; readonly down: number } {
    let up = 0
    let down = 0
    for (const { verdicts } of this.#votes.values()) {
      const verdict = verdicts.get(id)
      if (verdict === 'up') up++
      else if (verdict === 'down') down++
    }
    return { up, down }
  }

  /** The cap lets those out first that are out, then those of whom most say it; equal ones by id, alike on all members. */
  #take(
    stay: readonly string[],
    leave: readonly { readonly id: string; readonly share: number }[],
    count: number,
  ): boolean {
    const order = [...leave].sort((a, b) => b.share - a.share || (a.id < b.id ? -1 : 1))
    const wanted = [...[...stay].sort(), ...order.map(({ id }) => id)]
    const out = new Set(wanted.slice(0, ejectionCap(count, this.#limits.ejectPercentMax)))
    const changed = out.size !== this.#out.size || [...out].some((id) => !this.#out.has(id))
    this.#out = out
    return changed
  }
}

function isOut(up: number, down: number): boolean {
  return up + down <= FEW_VOTERS ? down > 0 && up === 0 : 2 * down > up + down
}
