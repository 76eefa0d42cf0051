import { setTimeout as pause } from 'node:timers/promises'
import type { Memberlist, SeedError } from '@ringway/gossip'
import { formatHostPort } from '../config/address.ts'
import type { GossipConfig } from '../config/config.ts'
import { NodeError } from '../errors.ts'
import type { Logger } from '../logger.ts'

/**
 * How long a founder waits for a member of an existing cluster to call. The members of a cluster keep dialing a member
 * that was killed, so a founder that is restarted at once is called before it has founded anything.
 */
const FOUND_DELAY_MS = 1_000
/** Members that found together give one that was told to found the cluster this much more time. */
const FOUND_TOGETHER_DELAY_MS = 3_000
const CALL_POLL_MS = 25
const RETRY_MIN_MS = 200
const RETRY_MAX_MS = 5_000
/** Seeds that have not answered are tried again at this interval for as long as the member runs. */
const SEED_INTERVAL_MS = 5_000

export interface JoinTools {
  readonly memberlist: Memberlist
  readonly gossip: GossipConfig
  readonly log: Logger
  readonly signal: AbortSignal
  /** True when a Ringway member that has a cluster is known. */
  readonly hasMet: () => boolean
  /** True when no Ringway member with a smaller name is known. */
  readonly isFirst: () => boolean
}

/**
 * How this member finds its cluster.
 *
 * A member that knows one with a cluster has joined it. Where nobody has one, somebody has to found it:
 *
 * - a **founder**: a node without seeds, or one that lists its own address among them;
 * - else the member with the smallest name, once more than half of its seeds have answered and none of them has a
 *   cluster. That is how a whole cluster of members that name each other starts again.
 *
 * A node whose seeds do not answer founds nothing. It asks until it is stopped, so that a member cut off from its
 * cluster does not start an empty one.
 */
export class Joining {
  readonly #tools: JoinTools
  readonly #seeds: readonly string[]
  readonly #isFounder: boolean
  /** Seeds that have not answered yet. */
  readonly #silent: Set<string>

  constructor(tools: JoinTools) {
    const { memberlist, gossip } = tools
    const own = ownAddresses(memberlist, gossip)
    this.#tools = tools
    this.#seeds = gossip.join.filter((seed) => !own.has(seed))
    this.#isFounder = this.#seeds.length === 0 || this.#seeds.length < gossip.join.length
    this.#silent = new Set(this.#seeds)
  }

  /**
   * Resolves with `joined` when a cluster was found, with `alone` when this member is to found one.
   *
   * @throws NodeError JOIN_FAILED when a seed refuses this node for good, e.g. for its delegate versions or its name.
   */
  async run(): Promise<'joined' | 'alone'> {
    const { signal, hasMet } = this.#tools
    for (let wait = RETRY_MIN_MS; ; wait = Math.min(wait * 2, RETRY_MAX_MS)) {
      const errors = await this.#ask()
      if (hasMet()) return 'joined'
      const delay = this.#foundDelayMs()
      if (delay === undefined) this.#explain(errors, wait)
      else if (!(await this.#isCalled(delay)) && this.#foundDelayMs() !== undefined) return 'alone'
      if (hasMet()) return 'joined'
      await pause(wait, undefined, { signal })
    }
  }

  /** Goes on asking seeds that did not answer: they may have founded a cluster of their own meanwhile. */
  async keepAsking(): Promise<void> {
    const { signal } = this.#tools
    while (this.#silent.size > 0 && !signal.aborted) {
      await pause(SEED_INTERVAL_MS, undefined, { signal, ref: false }).catch(() => {})
      if (signal.aborted) return
      await this.#ask().catch((error: Error) => {
        if (!signal.aborted) this.#tools.log.warn({ err: error }, 'a seed refuses this member')
      })
    }
  }

  async #ask(): Promise<readonly SeedError[]> {
    if (this.#silent.size === 0) return []
    const asked = [...this.#silent]
    const { errors } = await this.#tools.memberlist.join(asked, { signal: this.#tools.signal })
    refuseIfRefused(errors)
    const failed = new Set(errors.map(({ seed }) => seed))
    for (const seed of asked) if (!failed.has(seed)) this.#silent.delete(seed)
    return errors
  }

  /** How long to wait before founding; undefined when that is not for this member to do. */
  #foundDelayMs(): number | undefined {
    if (this.#isFounder) return FOUND_DELAY_MS
    const answered = this.#seeds.length - this.#silent.size
    return answered * 2 > this.#seeds.length && this.#tools.isFirst()
      ? FOUND_TOGETHER_DELAY_MS
      : undefined
  }

  async #isCalled(delayMs: number): Promise<boolean> {
    const { hasMet, signal } = this.#tools
    const deadline = performance.now() + delayMs
    while (performance.now() < deadline) {
      if (hasMet()) return true
      await pause(CALL_POLL_MS, undefined, { signal })
    }
    return hasMet()
  }

  #explain(errors: readonly SeedError[], waitMs: number): void {
    const { log } = this.#tools
    if (errors.length === 0) {
      log.info('the seeds have no cluster yet; waiting for one of them to found it')
      return
    }
    const seeds = errors.map(({ seed, error }) => `${seed}: ${error.message}`)
    const answered = errors.some(({ error }) => !SILENT_CODES.has(codeOf(error)))
    log.warn(
      { seeds },
      answered
        ? `a seed answered and could not be joined; trying again in ${waitMs} ms. Do its cluster key (--encrypt) and label (--label) equal this node's?`
        : `no seed answered; trying again in ${waitMs} ms. If there is no cluster yet, one node has to found it: start it without --join, or list its own address among its seeds`,
    )
  }
}

/** What a seed that is not there looks like. */
const SILENT_CODES = new Set(['GOSSIP_UNREACHABLE', 'GOSSIP_TIMEOUT', 'GOSSIP_SEED_UNRESOLVED'])

/** Errors that trying again does not mend. */
const FINAL_CODES = new Set([
  'GOSSIP_DELEGATE_MISMATCH',
  'GOSSIP_NAME_TAKEN',
  'GOSSIP_SEED_INVALID',
])

function refuseIfRefused(errors: readonly SeedError[]): void {
  const final = errors.find(({ error }) => FINAL_CODES.has(codeOf(error)))
  if (final)
    throw new NodeError(
      'JOIN_FAILED',
      `cannot join through ${final.seed}: ${final.error.message}`,
      {},
      { cause: final.error },
    )
}

function ownAddresses(memberlist: Memberlist, gossip: GossipConfig): ReadonlySet<string> {
  const { host, port } = memberlist.address
  return new Set(
    [host, gossip.bind.host, 'localhost'].map((own) => formatHostPort({ host: own, port })),
  )
}

function codeOf(error: Error): string {
  return String((error as { readonly code?: unknown }).code)
}
