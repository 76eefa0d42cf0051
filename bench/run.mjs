// npm run bench -- <name>…: runs benchmarks one after the other, each in a process of its own, so that none inherits the
// heap or the compiled code of another. A benchmark is `<name>.mjs`, or `<name>/main.ts` compiled to `dist`.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

const candidates = (name) => [here(`./${name}.mjs`), here(`./dist/${name}/main.js`)]

const known = readdirSync(here('.'), { withFileTypes: true })
  .map((entry) => entry.name.replace(/\.mjs$/, ''))
  .filter((name) => name !== 'run' && candidates(name).some((path) => existsSync(path)))

const names = process.argv.slice(2)
const unknown = names.filter((name) => !known.includes(name))
if (names.length === 0 || unknown.length > 0) {
  if (unknown.length > 0) console.error(`no benchmark ${unknown.join(', ')}`)
  console.error(`usage: npm run bench -- <name>…   names: ${known.join(', ')}`)
  process.exit(2)
}

let failed = false
for (const name of names) {
  const path = candidates(name).find((candidate) => existsSync(candidate))
  const { status } = spawnSync(process.execPath, [path], { stdio: 'inherit' })
  failed ||= status !== 0
}
process.exit(failed ? 1 : 0)
