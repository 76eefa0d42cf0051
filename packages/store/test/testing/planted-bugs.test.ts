import { describe, expect, it } from 'vitest'
import type { PlantedBug } from '../../src/testing/index.ts'
import { run, type ScenarioName } from './scenarios.ts'

/** The normal budget of seeds per scenario. */
const SEEDS = 16

/** Each planted bug with the scenario that exposes it. */
const BUGS: Readonly<Record<PlantedBug, ScenarioName>> = {
  'acknowledge-before-replicating': 'a member is cut off from all others',
  'promote-without-asking': 'one of five is restarted empty within 300 ms, 20 times',
  'accept-from-stale-primary': 'all links of a member break for a moment, three copies',
  'forget-promise': 'all links of a member break for a moment, three copies',
  'restart-keeps-holdings': 'one of five is restarted empty within 300 ms, 20 times',
  'drop-tombstone': 'one of five is restarted empty within 300 ms, 20 times',
  'skip-stand-in': 'a member is cut off from all others',
  'serve-while-filling': 'the founder is restarted empty',
  'drop-before-confirmed': 'a member joins slowly and another is killed meanwhile',
  'read-unacknowledged': 'a member is cut off from all others',
  'ignore-pause': 'a member is suspended for about 3 s and resumed',
  'retry-sent-write': 'one of five is restarted empty within 300 ms, 20 times',
}

describe('the checker', () => {
  for (const [bug, scenario] of Object.entries(BUGS) as [PlantedBug, ScenarioName][])
    it(`finds the planted bug "${bug}"`, () => {
      let found = ''
      for (let seed = 1; seed <= SEEDS && found === ''; seed++) {
        const violation = run(scenario, seed, bug).violations[0]
        if (violation !== undefined) found = `seed ${seed}: ${violation.rule}`
      }
      expect(found).not.toBe('')
    })
})
