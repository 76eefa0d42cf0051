import { readFileSync, writeFileSync } from 'node:fs'
import type { Input } from './oracles.ts'

/*
 * Inputs that once brought something new, each with what came of it: `corpus.jsonl`, replayed by `npm test`, written again by
 * the soak run with RINGWAY_FUZZ_KEEP=1.
 */
const FILE = `${import.meta.dirname}/corpus.jsonl`
/** Of one input, and of how many, so that the file stays readable. */
const INPUT_BYTES_MAX = 256
const INPUTS_MAX = 250

type Line = readonly [
  target: string,
  context: string,
  isAuthentic: boolean,
  hex: string,
  expected: string,
]

export function corpus(): readonly Input[] {
  const lines = readFileSync(FILE, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line): Line => JSON.parse(line))
  return lines.map(([target, context, isAuthentic, hex, expected]) => ({
    target: target as Input['target'],
    context: context as Input['context'],
    isAuthentic,
    bytes: Uint8Array.from(Buffer.from(hex, 'hex')),
    expected,
  }))
}

export function writeCorpus(kept: ReadonlyMap<string, Input>): void {
  const lines = [...kept]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, input]) => input)
    .filter(
      ({ bytes, expected = '' }) => bytes.length <= INPUT_BYTES_MAX && expected.length < 1_000,
    )
    .map(({ bytes, context, expected = '', isAuthentic, target }): Line => {
      return [target, context, isAuthentic, Buffer.from(bytes).toString('hex'), expected]
    })
  // Evenly over all of them, so that no decoder takes all the room.
  const step = Math.max(1, lines.length / INPUTS_MAX)
  const chosen = lines.filter(
    (_line, index) => Math.floor(index / step) !== Math.floor((index - 1) / step),
  )
  writeFileSync(FILE, chosen.map((line) => `${JSON.stringify(line)}\n`).join(''))
}
