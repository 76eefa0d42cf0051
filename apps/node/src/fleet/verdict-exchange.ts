import { EJECT_PERCENT_MAX, Electorate, type Verdict } from '@ringway/router'
import type { PoolVerdicts } from './fleet-message.ts'

/** How often verdicts are told when nothing changes. They count for three times as long. */
export const VERDICT_INTERVAL_MS = 2_000
const VERDICT_MS = 3 * VERDICT_INTERVAL_MS

/** What the router of this member says of the backends of its static pools. */
export type OwnVerdicts = () => readonly PoolVerdicts[]

export interface OutChange {
  readonly pool: string
  readonly backend: string
  readonly out: boolean
}

const NOBODY: ReadonlySet<string> = new Set()

/** What all members say of the backends of each pool, and who is out because of it. */
export class VerdictExchange {
  readonly #self: string
  readonly #electorates = new Map<string, Electorate>()

  constructor(self: string) {
    this.#self = self
  }

  out(pool: string): ReadonlySet<string> {
    return this.#electorates.get(pool)?.out ?? NOBODY
  }

  /** Takes the verdicts of a member; those on pools that we do not have say nothing here. */
  take(member: string, verdicts: readonly PoolVerdicts[], now: number): void {
    for (const { pool, up, down } of verdicts) {
      const votes = new Map<string, Verdict>(up.map((id) => [id, 'up']))
      for (const id of down) votes.set(id, 'down')
      this.#electorates.get(pool)?.vote(member, votes, now)
    }
  }

  /**
   * Counts all votes anew.
   * @returns who went out and who came back
   */
  count(
    members: ReadonlySet<string>,
    pools: ReadonlyMap<string, readonly string[]>,
    now: number,
  ): readonly OutChange[] {
    const electors = new Set([...members, this.#self])
    const changes: OutChange[] = []
    for (const [pool, backends] of pools) {
      const electorate = this.#electorate(pool)
      const before = electorate.out
      if (!electorate.count(electors, backends, now)) continue
      for (const backend of electorate.out)
        if (!before.has(backend)) changes.push({ pool, backend, out: true })
      for (const backend of before)
        if (!electorate.out.has(backend)) changes.push({ pool, backend, out: false })
    }
    return changes
  }

  /** Pools that are no longer there are forgotten; new ones can be voted on. */
  follow(pools: readonly string[]): void {
    for (const pool of this.#electorates.keys())
      if (!pools.includes(pool)) this.#electorates.delete(pool)
    for (const pool of pools) this.#electorate(pool)
  }

  #electorate(pool: string): Electorate {
    const known = this.#electorates.get(pool)
    if (known) return known
    const electorate = new Electorate({
      verdictMs: VERDICT_MS,
      ejectPercentMax: EJECT_PERCENT_MAX,
    })
    this.#electorates.set(pool, electorate)
    return electorate
  }
}
