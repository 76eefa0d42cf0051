import { type Simulation, seconds, simulate, spreadMs } from '@ringway/gossip/testing'
import { check, collectGarbage, median, type Row } from '../harness.ts'

const SEED = 0x5eed
/** Until the news of the starts has gone, and for how long the idle cluster is watched. */
const WARM_MS = seconds(15)
const IDLE_MS = seconds(10)
const KILL_EVERY_MS = seconds(2)

const BYTES_PER_PAIR_MAX = 32
/** Nobody's death takes longer than this: probing, the longest suspicion, and the news. */
const WAIT_MS_MAX = seconds(180)

interface Death {
  killedAt: number
  firstAt: number
  lastAt: number
  told: number
}

/** In the end; all of 10,000 would take longer than the run. */
const OBSERVERS_ASKED_MAX = 1_000

/** What one cluster of `members` cost and how it behaved, every packet in the bytes of the wire. */
export function measureScale(members: number, kills: number): readonly Row[] {
  const row = (what: string, value: number, unit: string, more = {}): Row => ({
    what: `${members} members: ${what}`,
    value,
    unit,
    ...more,
  })
  const before = retained()
  const began = performance.now()
  const sim = simulate({ seed: SEED, nodes: members, begin: 'acquainted', wire: 'bytes' })
  const made = performance.now()
  sim.advance(WARM_MS)
  const idle = rates(sim, members, () => sim.advance(IDLE_MS))
  const bytesPerPair = (retained() - before) / members ** 2
  const deaths = killSome(sim, kills)
  check(sim.counts.falseDeaths === 0, `${sim.counts.falseDeaths} false deaths of ${members}`)
  sim.checkSettled(OBSERVERS_ASKED_MAX)
  const elapsed = performance.now() - made
  const first = deaths.all.map(({ firstAt, killedAt }) => firstAt - killedAt)
  const last = deaths.all.map(({ killedAt, lastAt }) => lastAt - killedAt)
  const spread = deaths.all.map(({ firstAt, lastAt }) => lastAt - firstAt)
  // What the survivors send anyway, taken off what they sent meanwhile.
  const idleBytes = idle.packetBytes * members * (deaths.elapsedMs / 1000)
  const deathBytes = (deaths.packetBytes - idleBytes) / members / kills
  return [
    row('first member knows of a death, median', median(first), 'ms'),
    row('first member knows of a death, longest', Math.max(...first), 'ms'),
    row('from the first to the last member, median', median(spread), 'ms'),
    row('last member knows of a death, median', median(last), 'ms'),
    row('datagrams per member and second, idle', idle.packets, ''),
    row('bytes of datagrams per member and second, idle', idle.packetBytes, 'B'),
    row('bytes of streams per member and second, idle', idle.streamBytes, 'B'),
    row('bytes of datagrams per member and death', deathBytes, 'B'),
    row('memory per observer and member', bytesPerPair, 'B', {
      // Below some thousand members the machines themselves outweigh their tables.
      ...(members >= 10_000 && {
        must: `≤ ${BYTES_PER_PAIR_MAX}`,
        pass: bytesPerPair <= BYTES_PER_PAIR_MAX,
      }),
    }),
    row('largest resident memory of the process', process.resourceUsage().maxRSS / 1024, 'MB'),
    row('time to build', (made - began) / 1000, 's'),
    row('time per virtual second', elapsed / sim.now, 's'),
  ]
}

/** What an idle cluster sends, per member and second. */
function rates(sim: Simulation, members: number, wait: () => unknown) {
  const before = { ...sim.counts }
  wait()
  const share = members * (IDLE_MS / 1000)
  return {
    packets: (sim.counts.packets - before.packets) / share,
    packetBytes: (sim.counts.packetBytes - before.packetBytes) / share,
    streamBytes: (sim.counts.streamBytes - before.streamBytes) / share,
  }
}

/** Kills members one after the other, and waits until everybody who lives knows of all of them. */
function killSome(sim: Simulation, kills: number) {
  const { ids } = sim
  const victims = new Map<string, Death>()
  for (let kill = 0; kill < kills; kill++) {
    const id = ids[Math.floor(((kill + 0.5) * ids.length) / kills)] ?? ''
    victims.set(id, { killedAt: Number.NaN, firstAt: Number.NaN, lastAt: Number.NaN, told: 0 })
  }
  sim.watch((observer, event, at) => {
    const death = event.type === 'fail' ? victims.get(event.member.name) : undefined
    if (death === undefined || victims.has(observer)) return
    if (death.told === 0) death.firstAt = at
    death.lastAt = at
    death.told++
  })
  const bytesBefore = sim.counts.packetBytes
  const startedAt = sim.now
  for (const [id, death] of victims) {
    death.killedAt = sim.now
    sim.kill(id).advance(KILL_EVERY_MS)
  }
  const survivors = ids.length - kills
  const isDone = () => [...victims.values()].every(({ told }) => told >= survivors)
  sim.advanceUntil('all deaths are known', isDone, WAIT_MS_MAX, 200)
  sim.advance(spreadMs(sim.config, ids.length))
  for (const [id, { told }] of victims) check(told === survivors, `${told} were told of ${id}`)
  return {
    all: [...victims.values()],
    elapsedMs: sim.now - startedAt,
    packetBytes: sim.counts.packetBytes - bytesBefore,
  }
}

/** Bytes that are in use: the heap, and the columns outside of it. */
function retained(): number {
  collectGarbage()
  collectGarbage()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
