import { afterAll, describe, expect, it } from 'vitest'
import { type SimulationReport, sumCounters } from '../../src/testing/index.ts'
import { run, SCENARIOS, type ScenarioName } from './scenarios.ts'

const FIRST_SEED = Number(process.env['STORE_SEED'] ?? 1)
/** More by STORE_SEEDS for long runs. */
const SEEDS = Number(process.env['STORE_SEEDS'] ?? 6)
const reports: SimulationReport[] = []

describe('a simulated cluster', () => {
  for (const name of Object.keys(SCENARIOS) as ScenarioName[])
    it(`keeps its promises when ${name}`, () => {
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
        const report = run(name, seed)
        reports.push(report)
        expect(report.violations, `seed ${seed}`).toEqual([])
        // Faults cost few commands: nearly all wait for the new primary and succeed.
        expect(report.errors / report.operations, `seed ${seed}: share of errors`).toBeLessThan(
          0.05,
        )
      }
    })

  it('does the same again for the same seed, and something else for another', () => {
    const name = 'the founder is restarted empty'
    const first = run(name, 7)
    expect(run(name, 7).trace).toBe(first.trace)
    expect(run(name, 8).trace).not.toBe(first.trace)
  })

  afterAll(() => {
    const totals = sumCounters(reports.map((report) => report.counters))
    const operations = reports.reduce((sum, report) => sum + report.operations, 0)
    process.stdout.write(
      `store simulation: seeds ${FIRST_SEED}-${FIRST_SEED + SEEDS - 1} of ${Object.keys(SCENARIOS).length} scenarios, ${operations} operations, ${JSON.stringify(totals)}\n`,
    )
    if (reports.length < SEEDS * Object.keys(SCENARIOS).length) return
    for (const covered of COVERED) expect(totals[covered], covered).toBeGreaterThan(0)
  })
})

/** What the scenarios together must have exercised. */
const COVERED = [
  'promotions',
  'concessions',
  'depositions',
  'denials',
  'standIns',
  'notPrimary',
  'notOwner',
  'forwards',
  'relays',
  'retries',
  'abortedPulls',
  'grants',
  'merged',
  'slotsCleared',
  'restarts',
  'pauses',
  'unknownWrites',
  'timeouts',
] as const
