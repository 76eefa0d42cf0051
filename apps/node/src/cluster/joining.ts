import { setTimeout as pause } from 'node:timers/promises'
import type { Memberlist } from '@ringway/gossip'
import { formatHostPort, parseHostPort } from '../config/address.ts'
import type { GossipConfig } from '../config/config.ts'
import { NodeError } from '../errors.ts'
import type { Logger } from '../logger.ts'

/**
 * How long a node that may found a cluster waits for a member of an existing one to call. The members of a cluster keep
 * dialing a founder that was killed, so one that is restarted at once is called before it has founded anything.
 */
export const FOUND_DELAY_MS = 1_000
const RETRY_MIN_MS = 200
const RETRY_MAX_MS = 5_000

export interface JoinTools {
  readonly memberlist: Memberlist
  readonly gossip: GossipConfig
  readonly log: Logger
  readonly signal: AbortSignal
  /** True when another Ringway member is known, be it that it is looking for a cluster itself. */
  readonly hasKin: () => boolean
  /** True when a Ringway member that has a cluster is known. */
  readonly hasMet: () => boolean
}

/**
 * Finds the cluster. `joined`: a seed answered or a member called. `alone`: there are no seeds, or this node is one of
 * them and no other answered, or only foreign members did; so it may found a cluster.
 *
 * A node whose seeds do not answer never founds a cluster of its own: it tries again until it is stopped.
 *
 * @throws NodeError JOIN_FAILED when the cluster refuses this node, e.g. for its delegate versions or its name.
 */
export async function joinCluster(tools: JoinTools): Promise<'joined' | 'alone'> {
  const { memberlist, gossip, log, signal } = tools
  const own = ownAddresses(tools)
  const seeds = gossip.join.filter((seed) => !own.has(seed))
  const mayFound = seeds.length === 0 || seeds.length < gossip.join.length
  for (let wait = RETRY_MIN_MS; ; wait = Math.min(wait * 2, RETRY_MAX_MS)) {
    if (seeds.length > 0) {
      const { joined, errors } = await memberlist.join(seeds, { signal })
      // Among foreign members only, such as Serf agents, this node is the first of its kind.
      if (joined > 0 && !tools.hasKin()) return await waitForCall(tools)
      if (joined > 0 || tools.hasMet()) return 'joined'
      refuseIfRefused(errors)
      if (!mayFound)
        log.warn(
          { seeds, errors: errors.map(({ seed, error }) => `${seed}: ${error.message}`) },
          `no seed answered; trying again in ${wait} ms. One node has to found the cluster: start it without --join, or list its own address among its seeds`,
        )
    }
    if (mayFound) return await waitForCall(tools)
    await pause(wait, undefined, { signal })
    if (tools.hasMet()) return 'joined'
  }
}

const CALL_POLL_MS = 25

async function waitForCall({ hasMet, signal }: JoinTools): Promise<'joined' | 'alone'> {
  const deadline = performance.now() + FOUND_DELAY_MS
  while (performance.now() < deadline) {
    if (hasMet()) return 'joined'
    await pause(CALL_POLL_MS, undefined, { signal })
  }
  return hasMet() ? 'joined' : 'alone'
}

/** Errors that trying again does not mend. */
const FINAL_CODES = new Set([
  'GOSSIP_DELEGATE_MISMATCH',
  'GOSSIP_NAME_TAKEN',
  'GOSSIP_SEED_INVALID',
])

function refuseIfRefused(
  errors: readonly { readonly seed: string; readonly error: Error }[],
): void {
  const final = errors.find(({ error }) =>
    FINAL_CODES.has(String((error as { code?: unknown }).code)),
  )
  if (final)
    throw new NodeError(
      'JOIN_FAILED',
      `cannot join through ${final.seed}: ${final.error.message}`,
      {},
      { cause: final.error },
    )
}

function ownAddresses({ memberlist, gossip }: JoinTools): ReadonlySet<string> {
  const { host, port } = memberlist.address
  const bound = { host: gossip.bind.host, port }
  const own = [formatHostPort({ host, port }), formatHostPort(bound)]
  if (parseHostPort(`localhost:${port}`)) own.push(`localhost:${port}`)
  return new Set(own)
}
