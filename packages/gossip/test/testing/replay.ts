import { expect } from 'vitest'
import { type Simulation, type SimulationOptions, simulate } from '../../src/testing/index.ts'

/*
 * Every random run is its seed. A failure prints the command that plays it alone:
 *
 *   RINGWAY_SEED=0x2a npx vitest run --project gossip packages/gossip/test/testing/chaos.test.ts -t '…'
 *
 * RINGWAY_SEEDS=1000 plays so many seeds instead of the usual few.
 */

const seedGiven = process.env['RINGWAY_SEED']
const seedsGiven = process.env['RINGWAY_SEEDS']

/** 1 … count, or what the environment asks for. */
export function seeds(count: number): readonly number[] {
  if (seedGiven !== undefined) return [seedOf(seedGiven)]
  const wanted = seedsGiven === undefined ? count : Number(seedsGiven)
  return Array.from({ length: wanted }, (_, index) => index + 1)
}

/** The one seed of a test that plays one. */
export const seed = (usual: number): number => (seedGiven === undefined ? usual : seedOf(seedGiven))

/** Time limit of a test that plays more seeds when it is asked to. */
export const limitMs = (count: number): number => (60_000 * seeds(count).length) / count + 60_000

/** A simulation whose failures say how to replay it. */
export function play(options: SimulationOptions): Simulation {
  return simulate({ replay: replayOf(options.seed), ...options })
}

/** The command that runs the current test with this seed. */
export function replayOf(seed: number): string {
  const { currentTestName = '', testPath = '' } = expect.getState()
  const path = testPath.slice(testPath.lastIndexOf('packages/gossip/'))
  const pattern = currentTestName.replaceAll(' > ', ' ').replace(/[^\w ,]+/g, '.*')
  return `RINGWAY_SEED=0x${seed.toString(16)} npx vitest run --project gossip ${path} -t '${pattern}'`
}

function seedOf(text: string): number {
  const seed = Number(text)
  if (!Number.isSafeInteger(seed) || seed < 0) throw new Error(`RINGWAY_SEED=${text} is no seed`)
  return seed
}
