import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WIRE_ERROR_CODES } from '../../src/wire/errors.ts'
import { Campaign, type Found } from './campaign.ts'
import { corpus } from './corpus.ts'
import { Oracle, TARGETS } from './oracles.ts'
import { BugNursery, PLANTED_BUGS } from './planted-bugs.ts'
import { loadOwnWire } from './wire.ts'

const SEED = Number(process.env['RINGWAY_SEED'] ?? 0x5eed)
const INPUTS = 20_000
/** What each planted bug may take; the soak run feeds five hundred times as many. */
const INPUTS_PER_BUG = 20_000

/** How a finding is seen again. */
const shown = (found: Found | undefined) =>
  found && {
    ...found,
    input: { ...found.input, bytes: Buffer.from(found.input.bytes).toString('hex') },
    again: `RINGWAY_SEED=${found.seed} npx vitest run --project gossip test/fuzz`,
  }

describe('decoders', () => {
  it('say about every kept input what they said before', async () => {
    const oracle = new Oracle(await loadOwnWire())
    for (const input of corpus()) oracle.run(input)
  })

  it('take what is right, refuse what is not, and keep their bounds whatever comes', async () => {
    const campaign = new Campaign({ wire: await loadOwnWire(), seed: SEED, inputs: INPUTS })
    expect(shown(campaign.run())).toBeUndefined()
    const codes = Object.keys(WIRE_ERROR_CODES).sort()
    expect([...campaign.oracle.codes.keys()].sort(), `seed ${SEED}`).toEqual(codes)
    expect([...campaign.byTarget.keys()].sort()).toEqual([...TARGETS].sort())
  })
})

describe('the fuzzer finds', () => {
  let nursery: BugNursery
  beforeAll(async () => {
    nursery = await BugNursery.open()
  })
  afterAll(() => nursery.close())

  it.each(PLANTED_BUGS)('$name', async (bug) => {
    const wire = await nursery.plant(bug)
    const found = new Campaign({ wire, seed: SEED, inputs: INPUTS_PER_BUG }).run()
    expect(found?.what, `not found in ${INPUTS_PER_BUG} inputs of seed ${SEED}`).toBeDefined()
  })
})
