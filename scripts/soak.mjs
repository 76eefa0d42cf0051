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
const names = process.argv.slice(2)
if (names.length === 0 || names.some((name) => !known.includes(name))) {
  console.error(`usage: npm run soak -- NAME…   names: ${known.join(', ')}`)
  process.exit(2)
}
build()
const files = names.map((name) => `/${name}${SUFFIX}`)
const args = ['run', '--config', 'test/soak/vitest.config.ts', ...files]
process.exit(run(bin('vitest'), args).status ?? 1)
