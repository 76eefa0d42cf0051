import { cpus } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { type OwnedProcess, spawnOwned } from '../support/child-process.ts'
import { eventually } from '../support/eventually.ts'
import { type GossipPeer, startMember } from '../support/gossip-peer.ts'

/*
 * Ten processes, one of them suspended for 2 s out of every 10, on cores that busy loops fight for. A false death is
 * a member that was never suspended and that anyone gives up, the suspended one included when it wakes. Environment:
 * SOAK_MINUTES (30), SOAK_PROFILE (local).
 */
const MEMBERS = 10
const PERIOD_MS = 10_000
const SUSPENDED_MS = 2_000
const minutes = Number(process.env['SOAK_MINUTES'] ?? 30)
const profile = process.env['SOAK_PROFILE'] === 'lan' ? 'lan' : 'local'
// Members and busy loops alike, so that they contend with each other and the machine stays usable.
const NICE = ['nice', '-n', '10']

const peers: GossipPeer[] = []
const loops: OwnedProcess[] = []
afterAll(async () => {
  await Promise.all(
    [...peers, ...loops].map((each) => ('kill' in each ? each.kill() : each.stop())),
  )
})

test(`zero false deaths in ${minutes} minutes of one suspended member and busy cores`, async () => {
  for (let index = 0; index < MEMBERS; index += 1) {
    const [first] = peers
    peers.push(
      await startMember({
        name: `member-${index}`,
        profile,
        before: NICE,
        ...(first && { join: [first.address] }),
      }),
    )
  }
  const names = peers.map(({ name }) => name).sort()
  const everyoneSeesAll = async () => {
    const views = await Promise.all(peers.map((peer) => peer.memberNames()))
    return views.every((view) => view.join() === names.join())
  }
  await eventually('ten members see ten', everyoneSeesAll, { timeoutMs: 60_000 })
  for (const _core of cpus()) {
    loops.push(spawnOwned(NICE[0] ?? '', [...NICE.slice(1), process.execPath, '-e', 'for (;;);']))
  }

  const sleeper = peers.at(-1)
  if (sleeper === undefined) throw new Error('no members')
  const tally = { cycles: 0, suspected: 0, gone: 0, evicted: 0, healthySuspected: 0 }
  const falseDeaths: string[] = []
  for (const peer of peers) {
    peer.on(({ event, name, t }) => {
      if (event === 'evicted') tally.evicted += 1
      if (event === 'suspect' && name === sleeper.name) tally.suspected += 1
      if (event === 'suspect' && name !== sleeper.name) tally.healthySuspected += 1
      if (event === 'gone' && name === sleeper.name) tally.gone += 1
      if (event === 'gone' && name !== sleeper.name) falseDeaths.push(`${t} ${peer.name}: ${name}`)
    })
  }
  const startedAt = Date.now()
  const endsAt = startedAt + minutes * 60_000
  const cpuBefore = await cpuSeconds(peers)
  while (Date.now() < endsAt) {
    const cycleAt = Date.now()
    sleeper.signal('SIGSTOP')
    await pause(SUSPENDED_MS)
    sleeper.signal('SIGCONT')
    tally.cycles += 1
    if (tally.cycles % 6 === 0) {
      console.log(
        `${tally.cycles / 6} min`,
        JSON.stringify(tally),
        'false deaths:',
        falseDeaths.length,
      )
    }
    await pause(Math.max(0, cycleAt + PERIOD_MS - Date.now()))
  }
  await eventually('ten members see ten at the end', everyoneSeesAll, { timeoutMs: 60_000 })
  const seconds = (Date.now() - startedAt) / 1000
  const cpuPercent = (100 * ((await cpuSeconds(peers)) - cpuBefore)) / seconds / MEMBERS
  console.log(
    JSON.stringify({ profile, seconds, ...tally, falseDeaths, cpuPercentPerMember: cpuPercent }),
  )
  expect(falseDeaths).toEqual([])
})

async function cpuSeconds(members: readonly GossipPeer[]): Promise<number> {
  const { readFile } = await import('node:fs/promises')
  const ticks = await Promise.all(
    members.map(async ({ pid }) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
      const [user = 0, system = 0] = stat
        .slice(stat.lastIndexOf(')'))
        .split(' ')
        .slice(12, 14)
        .map(Number)
      return user + system
    }),
  )
  return ticks.reduce((sum, each) => sum + each, 0) / 100
}
