import { hostOf } from '../core/address.ts'
import type { Address, NodeState } from '../core/messages.ts'
import { formatAddress } from './addresses.ts'
import { GossipError } from './errors.ts'
import type { Foreigner } from './kinship.ts'
import { JOINS_CONCURRENT_MAX, PEERS_ASKED_MAX, SEED_ADDRESSES_MAX, SEEDS_MAX } from './limits.ts'
import type { RememberedPeer } from './peer-book.ts'
import { type Applicant, delegateMismatch, findNamesake, nameTaken } from './preflight.ts'
import { readSeedFile, seedFilePath } from './seed-file.ts'
import { parseSeed, type Resolver, resolveSeed } from './seeds.ts'
import type { StreamClient } from './stream-client.ts'

/** A seed that could not be joined, and why. */
export interface SeedError {
  /** As it was given. */
  readonly seed: string
  readonly error: Error
}

export interface JoinResult {
  /** Addresses whose member exchanged its state with us. */
  readonly joined: number
  readonly errors: readonly SeedError[]
}

export interface JoinContext {
  readonly applicant: Applicant
  readonly resolver: Resolver
  readonly streams: StreamClient
  /** The port of a seed that does not name one. */
  readonly portDefault: number
  readonly isSelf: (address: Address) => boolean
  /** Push/pull that makes us known; gives reasons for refused rows. */
  readonly exchange: (to: Address, signal?: AbortSignal) => Promise<readonly string[]>
  readonly knows: (name: string) => boolean
  /** True while this name is a living member: then there is nothing to join. */
  readonly isLiving: (name: string) => boolean
  /** A member that shows that a state is of another cluster. */
  readonly foreigner: (rows: readonly NodeState[]) => Foreigner | undefined
  /** True when a member of this name was met before. */
  readonly remembers: (name: string) => boolean
}

interface Target {
  readonly seed: string
  readonly address: Address
  /** Of a peer that we remember: whom we expect there. */
  readonly remembered?: string
}

/**
 * Joins through every address of every seed, as memberlist does: seeds may have been on different sides of a
 * split. Each is looked at before we tell it anything.
 * @param isNeedless - Tells addresses that need not be joined.
 * @throws GossipError GOSSIP_OPTION_INVALID for more than 256 seeds
 */
export async function joinSeeds(
  seeds: readonly string[],
  context: JoinContext,
  signal?: AbortSignal,
  isNeedless: (address: Address) => boolean = () => false,
): Promise<JoinResult> {
  if (seeds.length > SEEDS_MAX) {
    throw new GossipError('GOSSIP_OPTION_INVALID', { seeds: seeds.length, allowed: SEEDS_MAX })
  }
  const errors: SeedError[] = []
  const found = await findTargets(seeds, context, errors, signal)
  const targets = found.filter(({ address }) => !isNeedless(address))
  return await joinTargets(targets, errors, context, signal)
}

/**
 * Joins through peers that were met before, the latest seen first, at most 64 of them. An address may belong to somebody
 * else by now: a state in which no name is known to us is left alone (GOSSIP_STRANGER). Who turns out to live in a cluster
 * that was joined on the way is not asked any more.
 */
export async function joinRemembered(
  peers: readonly RememberedPeer[],
  context: JoinContext,
  signal?: AbortSignal,
): Promise<JoinResult> {
  const targets = peers
    .filter(({ address, name }) => !context.isSelf(address) && name !== context.applicant.name)
    .slice(0, PEERS_ASKED_MAX)
    .map(({ address, name }) => ({ seed: seedOf(name, address), address, remembered: name }))
  return await joinTargets(targets, [], context, signal)
}

/** How a remembered peer is named among seeds. */
export function seedOf(name: string, address: Address): string {
  return `${name}/${formatAddress(address)}`
}

async function joinTargets(
  targets: Target[],
  errors: SeedError[],
  context: JoinContext,
  signal: AbortSignal | undefined,
): Promise<JoinResult> {
  let joined = 0
  const joinNext = async (): Promise<void> => {
    for (let target = targets.shift(); target !== undefined; target = targets.shift()) {
      const { remembered } = target
      if (remembered !== undefined && context.isLiving(remembered)) continue
      try {
        await joinOne(target, context, signal)
        joined += 1
      } catch (error) {
        errors.push({ seed: target.seed, error: asError(error) })
      }
    }
  }
  await Promise.all(Array.from({ length: JOINS_CONCURRENT_MAX }, joinNext))
  return { joined, errors }
}

async function findTargets(
  seeds: readonly string[],
  { isSelf, portDefault, resolver }: JoinContext,
  errors: SeedError[],
  signal: AbortSignal | undefined,
): Promise<Target[]> {
  const targets = new Map<string, Target>()
  const read = await Promise.all(seeds.map((seed) => readSeed(seed, errors)))
  await Promise.all(
    read.flat().map(async (seed) => {
      try {
        const addresses = await resolveSeed(parseSeed(seed, portDefault), resolver, signal)
        for (const address of addresses) {
          // Our own address in a list that all members share is harmless.
          if (!isSelf(address)) targets.set(formatAddress(address), { seed, address })
        }
      } catch (error) {
        errors.push({ seed, error: asError(error) })
      }
    }),
  )
  return [...targets.values()].slice(0, SEED_ADDRESSES_MAX)
}

/** The seed, or the seeds of the file that it names. */
async function readSeed(seed: string, errors: SeedError[]): Promise<readonly string[]> {
  const path = seedFilePath(seed)
  if (path === undefined) return [seed]
  try {
    return await readSeedFile(path)
  } catch (error) {
    errors.push({ seed, error: asError(error) })
    return []
  }
}

async function joinOne(
  { address, remembered }: Target,
  context: JoinContext,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { applicant, exchange, foreigner, knows, remembers, streams } = context
  const { nodes } = await streams.peek(address, signal)
  const peer = formatAddress(address)
  const isMet = ({ name }: NodeState) => name !== applicant.name && remembers(name)
  if (remembered !== undefined && !nodes.some(isMet)) {
    throw new GossipError('GOSSIP_STRANGER', { peer, expected: remembered })
  }
  const found = foreigner(nodes)
  if (found !== undefined) {
    // They should read it in their log too, and whoever asked us to join may give up at once; nothing of us is announced.
    await streams.complain(address, `${applicant.name} does not join: ${found.reason}`)
    throw new GossipError('GOSSIP_CLUSTER_MISMATCH', { peer, ...found })
  }
  const mismatch = delegateMismatch(nodes, applicant)
  if (mismatch !== undefined) throw mismatch
  const namesake = findNamesake(nodes, applicant)
  if (namesake !== undefined && !(await isGone(namesake, streams))) throw nameTaken(namesake)
  const reasons = await exchange(address, signal)
  const living = nodes.filter(({ name, state }) => state === 'alive' && name !== applicant.name)
  if (living.length > 0 && !living.some(({ name }) => knows(name))) {
    throw new GossipError('GOSSIP_STATE_REFUSED', {
      peer,
      reason: reasons[0] ?? 'unknown',
    })
  }
}

/** A process that was killed and started elsewhere is still alive in its peers' eyes; its old port refuses. */
function isGone(row: NodeState, streams: StreamClient): Promise<boolean> {
  return streams.isAbandoned({ host: hostOf(row.address), port: row.port })
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
