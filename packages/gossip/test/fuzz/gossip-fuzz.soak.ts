import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { WIRE_ERROR_CODES } from '../../src/wire/errors.ts'
import { writeCorpus } from './corpus.ts'
import type { Input } from './oracles.ts'

/*
 * The campaign of `npm test`, longer: one process per core, each with a seed of its own. Environment: FUZZ_INPUTS (10 million),
 * FUZZ_SHARDS (cores), RINGWAY_SEED (drawn), RINGWAY_FUZZ_KEEP=1 writes what was kept to corpus.jsonl.
 */
const INPUTS = Number(process.env['FUZZ_INPUTS'] ?? 10_000_000)
const SHARDS = Number(process.env['FUZZ_SHARDS'] ?? cpus().length)
const SEED = Number(process.env['RINGWAY_SEED'] ?? Date.now() % 2 ** 31)
/** Memory after the first tenth of the run and at its end: what may lie between. */
const GROWTH_BYTES_MAX = 32 * 2 ** 20
/** A shard that says nothing for so long hangs in one of its inputs. */
const SILENCE_MS_MAX = 3_600_000

const PACKAGE = join(import.meta.dirname, '..', '..')

interface Result {
  readonly seed: number
  readonly inputs: number
  readonly cpuSeconds: number
  readonly rss: number
  readonly heapBytes: readonly [number, number]
  readonly targets: Readonly<Record<string, number>>
  readonly codes: Readonly<Record<string, number>>
  readonly found?: { readonly what: string }
  readonly kept: readonly (readonly [string, Omit<Input, 'bytes'> & { readonly hex: string }])[]
}

const say = (line: string) => process.stdout.write(`${line}\n`)

/** Outside of the test runner, whose module system would take most of the time. */
async function compileTo(folder: string): Promise<void> {
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  for (const part of ['src/core', 'src/net', 'src/wire', 'test/fuzz']) {
    for (const file of await readdir(join(PACKAGE, part))) {
      if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue
      const { outputText } = ts.transpileModule(await readFile(join(PACKAGE, part, file), 'utf8'), {
        compilerOptions: {
          target: ts.ScriptTarget.ES2023,
          module: ts.ModuleKind.ESNext,
          verbatimModuleSyntax: true,
          rewriteRelativeImportExtensions: true,
        },
      })
      const target = join(folder, part, file.replace(/\.ts$/, '.js'))
      await mkdir(dirname(target), { recursive: true })
      await writeFile(target, outputText)
    }
  }
}

function runShard(folder: string, seed: number, inputs: number): Promise<Result> {
  const program = join(folder, 'test', 'fuzz', 'shard.js')
  const child = spawn(process.execPath, [program, String(seed), String(inputs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    const silence = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`seed ${seed} hangs`))
    }, SILENCE_MS_MAX)
    let last = ''
    createInterface({ input: child.stdout }).on('line', (line) => {
      silence.refresh()
      last = line
      if (line.startsWith('{"progress"')) say(line)
    })
    child.once('close', (code) => {
      clearTimeout(silence)
      if (code === 0) resolve(JSON.parse(last))
      else reject(new Error(`seed ${seed} ended with ${code}`))
    })
  })
}

const sumOf = (records: readonly Readonly<Record<string, number>>[]) => {
  const sums: Record<string, number> = {}
  for (const record of records) {
    for (const [key, count] of Object.entries(record)) sums[key] = (sums[key] ?? 0) + count
  }
  return Object.fromEntries(Object.entries(sums).sort())
}

test(`${INPUTS} inputs, seed ${SEED} and the next`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ringway-fuzz-'))
  const startedAt = performance.now()
  try {
    await compileTo(folder)
    const shards = Array.from({ length: SHARDS }, (_, index) =>
      runShard(folder, SEED + index, Math.ceil(INPUTS / SHARDS)),
    )
    const results = await Promise.all(shards)
    const codes = sumOf(results.map((result) => result.codes))
    say(
      JSON.stringify({
        seed: SEED,
        shards: SHARDS,
        inputs: results.reduce((sum, { inputs }) => sum + inputs, 0),
        seconds: Math.round((performance.now() - startedAt) / 1000),
        cpuSeconds: Math.round(results.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0)),
        rssMiB: results.map(({ rss }) => rss >> 20),
        heapMiB: results.map(({ heapBytes }) =>
          heapBytes.map((bytes) => Math.round(bytes / 2 ** 20)),
        ),
        targets: sumOf(results.map(({ targets }) => targets)),
        codes,
      }),
    )
    expect(results.flatMap(({ found, seed }) => (found ? [{ seed, found }] : []))).toEqual([])
    expect(Object.keys(codes)).toEqual(Object.keys(WIRE_ERROR_CODES).sort())
    for (const { heapBytes } of results) {
      expect(heapBytes[1] - heapBytes[0]).toBeLessThan(GROWTH_BYTES_MAX)
    }
    if (process.env['RINGWAY_FUZZ_KEEP'] !== '1') return
    const kept = results.flatMap((result) => result.kept)
    writeCorpus(
      new Map(
        kept.map(([key, { hex, ...rest }]) => [
          key,
          { ...rest, bytes: Uint8Array.from(Buffer.from(hex, 'hex')) },
        ]),
      ),
    )
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
