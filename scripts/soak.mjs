// `npm run soak -- NAME`: long runs that `npm test` has no time for. NAME is a file `NAME.soak.ts`; docs/testing.md says
// what each one shows, which environment variables it reads, and what it showed.
import { readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { bin, build, checkNode, root, run } from './lib/steps.mjs'

checkNode()
const SUFFIX = '.soak.ts'
const known = ['packages', 'test']
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true }))
  .filter((path) => path.endsWith(SUFFIX) && !path.includes('node_modules'))
  .map((path) => basename(path, SUFFIX))
const { values, names } = readArguments(process.argv.slice(2))
if (names.length === 0 || names.some((name) => !known.includes(name))) {
  console.error(`usage: npm run soak -- NAME… [--minutes 10 …]   names: ${known.join(', ')}`)
  process.exit(2)
}
// `--minutes 10` is the environment variable SOAK_MINUTES; a flag without a value is 1.
for (const [flag, value] of values) process.env[`SOAK_${flag.toUpperCase()}`] = value
build()
const files = names.map((name) => `/${name}${SUFFIX}`)
const args = ['run', '--config', 'test/soak/vitest.config.ts', ...files]
process.exit(run(bin('vitest'), args).status ?? 1)

function readArguments(words) {
  const values = new Map()
  const names = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at]
    const next = words[at + 1]
    if (!word.startsWith('--')) names.push(word)
    else if (next === undefined || next.startsWith('--')) values.set(word.slice(2), '1')
    else values.set(word.slice(2), words[++at])
  }
  return { values, names }
}
