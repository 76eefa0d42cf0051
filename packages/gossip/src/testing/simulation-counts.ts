import type { MemberEvent } from '../core/effects.ts'
import type { Message } from '../core/messages.ts'
import { emptyTally, type SwimTally } from '../core/tally.ts'

/** How often things happened: a run that never met a case proves nothing about it. */
export interface SimulationCounts {
  packets: number
  /** Bytes of all datagrams; 0 unless `wire` is `bytes`. */
  packetBytes: number
  packetsLost: number
  packetsDoubled: number
  /** Datagrams that found the socket of a paused or blocked process full. */
  packetsDropped: number
  exchanges: number
  exchangesFailed: number
  streamPings: number
  streamPingsAnswered: number
  /** Bytes of all streams, both ways; 0 unless `wire` is `bytes`. */
  streamBytes: number
  starts: number
  /** Processes that started again while somebody still suspected the one before. */
  restartsInSuspicion: number
  /** `fail` events about a member whose process was running. */
  falseDeaths: number
  /** Messages of all datagrams, by type. */
  readonly messages: Record<Message['type'], number>
  readonly events: Record<MemberEvent['type'], number>
}

export function emptyCounts(): SimulationCounts {
  const events: Record<MemberEvent['type'], number> = {
    join: 0,
    update: 0,
    suspect: 0,
    refuted: 0,
    fail: 0,
    leave: 0,
    reap: 0,
    conflict: 0,
    evicted: 0,
    left: 0,
    refused: 0,
    health: 0,
  }
  const messages: Record<Message['type'], number> = {
    ping: 0,
    'indirect-ping': 0,
    ack: 0,
    nack: 0,
    suspect: 0,
    alive: 0,
    dead: 0,
    user: 0,
  }
  return {
    packets: 0,
    packetBytes: 0,
    packetsLost: 0,
    packetsDoubled: 0,
    packetsDropped: 0,
    exchanges: 0,
    exchangesFailed: 0,
    streamPings: 0,
    streamPingsAnswered: 0,
    streamBytes: 0,
    starts: 0,
    restartsInSuspicion: 0,
    falseDeaths: 0,
    messages,
    events,
  }
}

/** The sum of what several machines met. */
export function sumOf(tallies: Iterable<Readonly<SwimTally>>): SwimTally {
  const sum = emptyTally()
  const fields = Object.keys(sum) as (keyof SwimTally)[]
  for (const tally of tallies) for (const field of fields) sum[field] += tally[field]
  return sum
}

/** All counts by one name each: `packets`, `message:ping`, `event:fail`, `swim:refutations`, … */
export function flatten(counts: SimulationCounts, tally: SwimTally): Record<string, number> {
  const { messages, events, ...own } = counts
  const flat: Record<string, number> = { ...own }
  const add = (prefix: string, group: Readonly<Record<string, number>>) => {
    for (const [name, count] of Object.entries(group)) flat[`${prefix}:${name}`] = count
  }
  add('message', messages)
  add('event', events)
  add('swim', { ...tally })
  return flat
}
