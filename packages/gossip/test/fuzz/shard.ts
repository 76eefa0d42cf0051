import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Campaign } from './campaign.ts'
import { loadWire } from './wire.ts'

/*
 * One share of a soak run, as a program of its own: `shard.js SEED INPUTS`, compiled by gossip-fuzz.soak.ts. One JSON object
 * per line: progress, and at the end the result.
 */
const [seed = 0, inputs = 0] = process.argv.slice(2).map(Number)
const REPORTS = 10

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const say = (line: object) => process.stdout.write(`${JSON.stringify(line)}\n`)

function heapBytes(): number {
  collect()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const heaps: number[] = []
const campaign = new Campaign({
  wire: await loadWire((module) => import(`../../src/wire/${module}.js`)),
  seed,
  inputs,
  progressEvery: Math.max(1, Math.floor(inputs / REPORTS)),
  onProgress: (done, { kept }) => {
    heaps.push(heapBytes())
    say({ progress: done, seed, kept: kept.size, heapBytes: heaps.at(-1) })
  },
})
const found = campaign.run()
const { rss } = process.memoryUsage()
const { user, system } = process.cpuUsage()
say({
  seed,
  inputs: campaign.done,
  cpuSeconds: (user + system) / 1e6,
  rss,
  heapBytes: [heaps[0] ?? 0, heaps.at(-1) ?? 0],
  targets: Object.fromEntries(campaign.byTarget),
  codes: Object.fromEntries(campaign.oracle.codes),
  found: found && { ...found, input: lineOf(found.input) },
  kept: Array.from(campaign.kept, ([key, input]) => [key, lineOf(input)]),
})

function lineOf({ bytes, ...rest }: NonNullable<typeof found>['input']): object {
  return { ...rest, hex: Buffer.from(bytes).toString('hex') }
}
