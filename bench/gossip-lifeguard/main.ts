// The interval experiment of the Lifeguard paper in the simulator: 128 members of which some are slow, plain SWIM
// against Lifeguard on equal seeds.

import { type SlowMinorityOptions, slowMinority } from '@ringway/gossip/testing'
import { median, type Row, report } from '../harness.ts'

/** Slow members, and for how long they are blocked and open in turn. */
const TROUBLES = [
  { slow: 4, blockedMs: 16_384, openMs: 64 },
  { slow: 8, blockedMs: 16_384, openMs: 16 },
  { slow: 16, blockedMs: 8_192, openMs: 64 },
  { slow: 16, blockedMs: 16_384, openMs: 256 },
] as const

const SEEDS = [1, 2]
const SHARE_MAX = 0.02

interface Sum {
  falsePositives: number
  falsePositivesAtHealthy: number
  readonly quietMs: number[]
  readonly troubledMs: number[]
}

const never = Number.POSITIVE_INFINITY

function sumOf(trials: readonly SlowMinorityOptions[]): Sum {
  const sum: Sum = { falsePositives: 0, falsePositivesAtHealthy: 0, quietMs: [], troubledMs: [] }
  for (const trial of trials) {
    const result = slowMinority(trial)
    sum.falsePositives += result.falsePositives
    sum.falsePositivesAtHealthy += result.falsePositivesAtHealthy
    sum.quietMs.push(result.quietDetectionMs ?? never)
    sum.troubledMs.push(result.troubledDetectionMs ?? never)
  }
  return sum
}

const trialsOf = (mode: 'plain' | 'lifeguard', suspicionMult: number) =>
  TROUBLES.flatMap((trouble) => SEEDS.map((seed) => ({ ...trouble, seed, mode, suspicionMult })))

function rowsOf(name: string, sum: Sum): Row[] {
  return [
    { what: `${name}: false positives at all members`, value: sum.falsePositives, unit: '' },
    {
      what: `${name}: false positives at healthy members`,
      value: sum.falsePositivesAtHealthy,
      unit: '',
    },
    {
      what: `${name}: first detection before the trouble, median`,
      value: median(sum.quietMs),
      unit: 'ms',
    },
    {
      what: `${name}: first detection in the trouble, median`,
      value: median(sum.troubledMs),
      unit: 'ms',
    },
  ]
}

const plain = sumOf(trialsOf('plain', 5))
const lifeguard = sumOf(trialsOf('lifeguard', 5))
const swift = sumOf(trialsOf('lifeguard', 4))

const shareOf = (sum: Sum) => sum.falsePositivesAtHealthy / plain.falsePositivesAtHealthy

const judged = (what: string, value: number): Row => ({
  what,
  value,
  unit: '',
  must: `≤ ${SHARE_MAX}`,
  pass: value <= SHARE_MAX,
})

report('gossip-lifeguard', [
  ...rowsOf('plain, α 5', plain),
  ...rowsOf('Lifeguard, α 5', lifeguard),
  ...rowsOf('Lifeguard, α 4', swift),
  judged('false positives at healthy members, Lifeguard α 5 ÷ plain', shareOf(lifeguard)),
  judged('false positives at healthy members, Lifeguard α 4 ÷ plain', shareOf(swift)),
])
