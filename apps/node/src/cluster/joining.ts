import { setTimeout as pause } from 'node:timers/promises'
import type { DiscoveredSeeds, JoinResult, Memberlist, SeedError } from '@ringway/gossip'
import { formatHostPort } from '../config/address.ts'
import type { GossipConfig } from '../config/config.ts'
import { parseSwarmSeed } from '../config/formats.ts'
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
/**
 * A founder that remembers peers waits this long for them before it founds, if not all of them have answered: members of a
 * cluster that is started again as a whole come up one after the other.
 */
export const REMEMBERED_WAIT_MS = 10_000
/** A founder leaves the founding to a member with a smaller name; for so long, since that one may not be able to. */
export const FOUNDER_PATIENCE_MS = 30_000
/** Remembered peers may have gone for good: a round of asking them does not wait longer for their silence. */
const REMEMBERED_ASK_MS = 5_000
/** A founder looks at least this often whether it is time. */
const FOUNDER_RETRY_MAX_MS = 1_000
/** Remembered peers that have not answered are asked again at this interval. */
const REMEMBERED_INTERVAL_MS = 30_000
/** Seeds that are not living members are tried again at this interval for as long as the member runs. */
const SEED_INTERVAL_MS = 5_000

export interface JoinTools {
  readonly memberlist: Memberlist
  readonly gossip: GossipConfig
  /** Where `swarm:` seeds lead. */
  readonly swarm: DiscoveredSeeds
  readonly log: Logger
  readonly signal: AbortSignal
  /** True when a Ringway member that has a cluster is known. */
  readonly hasMet: () => boolean
  /** True when no Ringway member with a smaller name is known. */
  readonly isFirst: () => boolean
  /** In place of {@link REMEMBERED_WAIT_MS} and {@link FOUNDER_PATIENCE_MS}; tests have less time. */
  readonly rememberedWaitMs?: number
  readonly founderPatienceMs?: number
}

/**
 * How this member finds its cluster.
 *
 * It asks its seeds, and the peers that it remembers from an earlier run. A member that knows one with a cluster has joined
 * it. Where nobody has one, somebody has to found it:
 *
 * - a **founder**: a node without seeds, or one that lists its own address among them. One that remembers peers waits until all
 *   of them have answered, or for ten seconds, and then leaves it to a smaller name that it knows by then;
 * - else the member with the smallest name, once more than half of the addresses of its seeds, or of the peers that it remembers, have answered
 *   and none of them has a cluster. That is how a whole cluster of members that name each other starts again.
 *
 * Any other node whose seeds do not answer founds nothing. It asks until it is stopped, so that a member cut off from its
 * cluster does not start an empty one.
 */
export class Joining {
  readonly #tools: JoinTools
  readonly #seeds: readonly string[]
  readonly #isFounder: boolean
  /** True when more than half of the addresses of the seeds answered the last time. */
  #haveSeedsAnswered = false
  /** Remembered peers by the seed that names them in errors. */
  readonly #peers: ReadonlyMap<string, string>
  /** Of those, the ones that have not answered yet. */
  readonly #silentPeers: Set<string>
  readonly #startedAt = performance.now()
  #warned = ''

  constructor(tools: JoinTools) {
    const { memberlist, gossip } = tools
    const own = ownAddresses(memberlist, gossip)
    this.#tools = tools
    this.#seeds = gossip.join.filter((seed) => !own.has(seed))
    this.#isFounder = this.#seeds.length === 0 || this.#seeds.length < gossip.join.length
    this.#peers = new Map(
      memberlist
        .remembered()
        .map(({ address, name }) => [`${name}/${formatHostPort(address)}`, name] as const)
        .filter(([, name]) => name !== memberlist.name),
    )
    this.#silentPeers = new Set(this.#peers.keys())
  }

  /**
   * Resolves with `joined` when a cluster was found, with `alone` when this member is to found one.
   *
   * @throws NodeError JOIN_FAILED when a seed refuses this node for good, e.g. for its delegate versions or its name.
   */
  async run(): Promise<'joined' | 'alone'> {
    const { log } = this.#tools
    const waitMax = this.#isFounder ? FOUNDER_RETRY_MAX_MS : RETRY_MAX_MS
    if (this.#peers.size > 0) log.info({ peers: this.#peers.size }, 'asking known peers')
    for (let wait = RETRY_MIN_MS; ; wait = Math.min(wait * 2, waitMax)) {
      const errors = await this.#askUntilMet()
      if (errors === 'met') return 'joined'
      const delay = this.#foundDelayMs()
      if (delay === undefined) this.#explain(errors, wait)
      else if (await this.#isCalled(delay)) return 'joined'
      else if (this.#foundDelayMs() !== undefined) return this.#found()
      if (await this.#isCalled(wait)) return 'joined'
    }
  }

  #found(): 'alone' {
    if (this.#silentPeers.size > 0)
      this.#tools.log.warn(
        { peers: [...this.#silentPeers] },
        'founding a cluster without known peers that do not answer; they are asked again, and a cluster of theirs is merged with this one when they do. If they have moved, name a seed (--join)',
      )
    return 'alone'
  }

  /** A round of asking; over as soon as a cluster is met, however long the last silent address takes. */
  async #askUntilMet(): Promise<readonly SeedError[] | 'met'> {
    const asked = this.#askAll()
    const over = new AbortController()
    const { signal } = this.#tools
    const met = this.#isCalled(Number.POSITIVE_INFINITY, AbortSignal.any([signal, over.signal]))
    try {
      const first = await Promise.race([asked, met])
      return typeof first === 'boolean' || this.#tools.hasMet() ? 'met' : first
    } finally {
      over.abort()
      met.catch(() => {})
      asked.catch((error: Error) => this.#warnRefused(error))
    }
  }

  async #askAll(): Promise<readonly SeedError[]> {
    const [ofSeeds, ofPeers] = await Promise.all([this.#ask(), this.#askPeers()])
    return [...ofSeeds, ...ofPeers]
  }

  #warnRefused(error: Error): void {
    const { log, signal } = this.#tools
    if (!signal.aborted) log.warn({ err: error }, 'a seed or known peer refuses this member')
  }

  /**
   * Goes on asking seeds that are not living members, and remembered peers that did not answer: they may have founded a
   * cluster of their own meanwhile.
   */
  async keepAsking(): Promise<void> {
    const { memberlist, signal, swarm } = this.#tools
    if (this.#seeds.length > 0) {
      const source = {
        seeds: () => this.#seedsNow(),
        onChange: (listener: () => void) => swarm.onChange?.(listener) ?? (() => undefined),
      }
      const onRound = ({ errors }: JoinResult) => this.#warnOnce(errors)
      memberlist.follow(source, { refreshMs: SEED_INTERVAL_MS, signal, onRound })
    }
    while (this.#silentPeers.size > 0 && !signal.aborted) {
      await pause(REMEMBERED_INTERVAL_MS, undefined, { signal, ref: false }).catch(() => {})
      if (signal.aborted) return
      await this.#askPeers().catch((error: Error) => this.#warnRefused(error))
    }
  }

  /** What refuses this member goes on refusing it: once is enough for the log. */
  #warnOnce(errors: readonly SeedError[]): void {
    const refused = errors.filter(({ error }) => FINAL_CODES.has(codeOf(error)))
    const text = refused.map(({ seed, error }) => `${seed}: ${error.message}`).join('; ')
    if (text !== '' && text !== this.#warned)
      this.#tools.log.warn({ seeds: text }, 'a seed refuses this member')
    this.#warned = text
  }

  /** The configured seeds, and in place of topics the peers that were met there. */
  async #seedsNow(): Promise<readonly string[]> {
    const plain = this.#seeds.filter((seed) => parseSwarmSeed(seed) === undefined)
    return [...plain, ...(await this.#tools.swarm.seeds())]
  }

  async #ask(): Promise<readonly SeedError[]> {
    const { memberlist, signal } = this.#tools
    const { errors, joined } = await memberlist.join(await this.#seedsNow(), { signal })
    refuseIfRefused(errors)
    this.#haveSeedsAnswered = joined > errors.length
    return errors
  }

  async #askPeers(): Promise<readonly SeedError[]> {
    const { memberlist, signal } = this.#tools
    this.#hearPeers()
    if (this.#silentPeers.size === 0) return []
    const { errors } = await memberlist.rejoin({
      signal: AbortSignal.any([signal, AbortSignal.timeout(REMEMBERED_ASK_MS)]),
    })
    refuseIfRefused(errors)
    const silent = new Set(
      errors.filter(({ error }) => codeOf(error) !== STRANGER_CODE).map(({ seed }) => seed),
    )
    for (const peer of this.#silentPeers) if (!silent.has(peer)) this.#silentPeers.delete(peer)
    return errors
  }

  /** A peer that gossip knows alive has answered, whoever asked whom. */
  #hearPeers(): void {
    const { memberlist } = this.#tools
    for (const peer of this.#silentPeers) {
      const state = memberlist.member(this.#peers.get(peer) ?? '')?.state
      if (state === 'alive' || state === 'suspect') this.#silentPeers.delete(peer)
    }
  }

  /** How long to wait before founding; undefined when that is not for this member to do. */
  #foundDelayMs(): number | undefined {
    const { isFirst } = this.#tools
    this.#hearPeers()
    if (this.#isFounder) return this.#isFoundersTurn() ? FOUND_DELAY_MS : undefined
    const havePeersAnswered = this.#silentPeers.size * 2 < this.#peers.size
    const hasHeard = this.#haveSeedsAnswered || havePeersAnswered
    return hasHeard && isFirst() ? FOUND_TOGETHER_DELAY_MS : undefined
  }

  #isFoundersTurn(): boolean {
    if (this.#peers.size === 0) return true
    const {
      isFirst,
      rememberedWaitMs = REMEMBERED_WAIT_MS,
      founderPatienceMs = FOUNDER_PATIENCE_MS,
    } = this.#tools
    const waitedMs = performance.now() - this.#startedAt
    if (!isFirst()) return waitedMs >= founderPatienceMs
    return this.#silentPeers.size === 0 || waitedMs >= rememberedWaitMs
  }

  async #isCalled(delayMs: number, signal = this.#tools.signal): Promise<boolean> {
    const { hasMet } = this.#tools
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
    if (this.#isFounder) {
      log.info({ seeds }, 'known peers do not answer yet; waiting before a cluster is founded')
      return
    }
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

/** Somebody else lives at the address of a remembered peer: there is nothing to wait for. */
const STRANGER_CODE = 'GOSSIP_STRANGER'

/** Errors that trying again does not mend. */
const FINAL_CODES = new Set([
  'GOSSIP_CLUSTER_MISMATCH',
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
