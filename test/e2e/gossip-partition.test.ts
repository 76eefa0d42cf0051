import { SWIM_PROFILES } from '@ringway/gossip'
import { afterEach, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type GossipPeer, startMember } from '../support/gossip-peer.ts'
import { type PartitionNetwork, requirePartitionNetwork } from '../support/partition-network.ts'

/*
 * Real processes on two hosts whose switch fails: each side gives up the other, and after the repair both converge by
 * themselves within two push/pull intervals (`local`: 2 × 15 s).
 */
const PER_SIDE = 3
const CONVERGED_MS_MAX = 2 * SWIM_PROFILES.local.pushPullIntervalMs

const peers: GossipPeer[] = []
let network: PartitionNetwork | undefined
afterEach(async () => {
  await Promise.all(peers.splice(0).map((peer) => peer.kill()))
  network?.remove()
  network = undefined
})

test('a partition heals by itself within two push/pull intervals', async (context) => {
  const made = requirePartitionNetwork(context)
  network = made
  for (const side of ['left', 'right'] as const) {
    for (let index = 0; index < PER_SIDE; index += 1) {
      const [first] = peers
      peers.push(
        await startMember({
          name: `${side}-${index}`,
          bind: `${made[side].address}:${7_101 + index}`,
          before: made[side].before,
          ...(first && { join: [first.address] }),
        }),
      )
    }
  }
  const all = peers.map(({ name }) => name).sort()
  const everyoneSees = async (of: (peer: GossipPeer) => readonly string[]) => {
    const views = await Promise.all(peers.map((peer) => peer.memberNames()))
    return peers.every((peer, index) => views[index]?.join() === of(peer).join())
  }
  const sideOf = ({ name }: GossipPeer) => all.filter((other) => other[0] === name[0])
  await eventually('all see all', () => everyoneSees(() => all), { timeoutMs: 30_000 })

  made.cut()
  await eventually('each side sees itself only', () => everyoneSees(sideOf), { timeoutMs: 90_000 })

  made.heal()
  const healedAt = performance.now()
  await eventually('all see all again', () => everyoneSees(() => all), {
    timeoutMs: CONVERGED_MS_MAX,
  })
  console.log(`converged ${Math.round(performance.now() - healedAt)} ms after the repair`)
})
