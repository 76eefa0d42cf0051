// Every package as npm would publish it: entry points exist, types resolve, nothing points outside.
import { readdirSync } from 'node:fs'
import { bin, run } from './lib/steps.mjs'

const packages = ['packages', 'apps'].flatMap((group) =>
  readdirSync(group).map((name) => `${group}/${name}`),
)
const failed = packages.filter((folder) => {
  const { status, stdout, stderr } = run(bin('publint'), ['--strict', folder], {
    stdio: 'pipe',
    encoding: 'utf8',
  })
  if (status !== 0) console.log(`${folder}:\n${stdout}${stderr}`)
  return status !== 0
})
if (failed.length === 0) console.log(`${packages.length} packages are ready to publish`)
process.exit(failed.length === 0 ? 0 : 1)
