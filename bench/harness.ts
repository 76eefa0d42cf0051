import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** One side of a comparison. */
export interface Contender {
  readonly name: string
  /** Operations that one call of `run` performs. */
  readonly operations: number
  readonly run: () => void
}

/** Medians over the rounds, per operation. */
export interface Timing {
  readonly name: string
  readonly wallNs: number
  readonly cpuNs: number
}

/** One line of a report; `pass` is absent where nothing is demanded. */
export interface Row {
  readonly what: string
  readonly value: number
  readonly unit: string
  readonly must?: string
  readonly pass?: boolean
}

const ROUNDS = 5

/** The middle of the sorted values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc') as () => void

/** Collects all garbage, so that no contender pays for another's. */
export function collectGarbage(): void {
  gc()
}

/**
 * Runs contenders in turn, round by round and in changing order, after one round that does not count. Where cores are
 * shared, CPU time is the steadier of the two figures.
 */
export function compare(contenders: readonly Contender[]): ReadonlyMap<string, Timing> {
  const walls = new Map<string, number[]>()
  const cpuTimes = new Map<string, number[]>()
  for (let round = 0; round <= ROUNDS; round++) {
    for (let i = 0; i < contenders.length; i++) {
      const contender = contenders[(i + round) % contenders.length]
      if (!contender) continue
      collectGarbage()
      const cpuBefore = process.cpuUsage()
      const before = performance.now()
      contender.run()
      const wall = performance.now() - before
      const cpu = process.cpuUsage(cpuBefore)
      if (round === 0) continue
      push(walls, contender.name, (wall * 1e6) / contender.operations)
      push(cpuTimes, contender.name, ((cpu.user + cpu.system) * 1e3) / contender.operations)
    }
  }
  return new Map(
    contenders.map(({ name }) => [
      name,
      {
        name,
        wallNs: median(walls.get(name) ?? []),
        cpuNs: median(cpuTimes.get(name) ?? []),
      },
    ]),
  )
}

let missing = 0

/** Look-ups that found nobody, over all loops: 0, or the figures are worth nothing. */
export function missingOwners(): number {
  return missing
}

/**
 * Looks every key up, pass by pass, in a loop of its own: functions made at one place share what the compiler learns about
 * their callees, and the loop would call each `find` as if it could be any of them. Answers are used, so that no engine may
 * skip finding them.
 */
export function lookUpLoop<K>(
  name: string,
  keys: readonly K[],
  passes: number,
  find: (key: K) => unknown,
): Contender {
  const loop = new Function(
    'keys',
    'passes',
    'find',
    `let missing = 0
     for (let pass = 0; pass < passes; pass++) {
       for (let i = 0; i < keys.length; i++) if (find(keys[i]) === undefined) missing++
     }
     return missing // ${name}`,
  ) as (keys: readonly K[], passes: number, find: (key: K) => unknown) => number
  const run = () => {
    missing += loop(keys, passes, find)
  }
  return { name, operations: passes * keys.length, run }
}

function push(lists: Map<string, number[]>, name: string, value: number): void {
  const list = lists.get(name)
  if (list) list.push(value)
  else lists.set(name, [value])
}

/** The timing of a contender that is known to be there. */
export function timingOf(timings: ReadonlyMap<string, Timing>, name: string): Timing {
  const timing = timings.get(name)
  if (!timing) throw new Error(`no contender ${name}`)
  return timing
}

/** Stops the benchmark: figures of wrong answers are worth nothing. */
export function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(`wrong answer: ${what}`)
}

/** Prints the rows, writes `results/<name>.json` and sets the exit code: 1 if a demand is not met. */
export function report(name: string, rows: readonly Row[]): void {
  for (const { what, value, unit, must, pass } of rows) {
    const verdict = pass === undefined ? '' : pass ? 'PASS' : 'FAIL'
    const demand = must === undefined ? '' : `must ${must}`
    console.log(
      `${verdict.padEnd(5)}${what.padEnd(66)}${figure(value).padStart(12)} ${unit.padEnd(10)}${demand}`,
    )
  }
  const directory = new URL('../results/', import.meta.url)
  mkdirSync(directory, { recursive: true })
  const machine = { node: process.version, cpu: cpus()[0]?.model ?? '', cores: cpus().length }
  writeFileSync(
    new URL(`${name}.json`, directory),
    `${JSON.stringify({ bench: name, machine, rows }, null, 2)}\n`,
  )
  if (rows.some(({ pass }) => pass === false)) process.exitCode = 1
}

function figure(value: number): string {
  if (Number.isInteger(value)) return String(value)
  return value.toFixed(value < 10 ? 4 : 1)
}
