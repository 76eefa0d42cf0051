// `npm test`: install, build, lint, type-check, test. Ends with the line `N passed, N failed`.
import { spawnSync } from 'node:child_process'
import {
  bin,
  build,
  checkNode,
  fail,
  hasProgram,
  install,
  root,
  run,
  wantedPrograms,
} from './lib/steps.mjs'

// CI reads the last line, whatever step fails before the tests begin.
let testsBegan = false
process.once('exit', () => {
  if (!testsBegan) console.log('\n0 passed, 1 failed')
})

checkNode()
install()
installPrograms()
build()

const checks = [
  ['lint', bin('biome'), ['check', '--error-on-warnings', '.']],
  ['types', bin('turbo'), ['run', 'check:types', '--output-logs=errors-only']],
  ['exports', process.execPath, ['scripts/check-exports.mjs']],
]
for (const [name, command, args] of checks) {
  console.log(`\n== ${name}`)
  if (run(command, args).status !== 0) fail(`${name} failed; its messages are above.`)
}

console.log('\n== tests')
testsBegan = true
process.exit(run(bin('vitest'), ['run', ...process.argv.slice(2)]).status ?? 1)

/** Installs missing Debian programs as root with apt; otherwise names each group of tests that will be skipped. */
function installPrograms() {
  const missing = Object.entries(wantedPrograms()).filter(([name]) => !hasProgram(name))
  if (missing.length === 0) return
  const packages = [...new Set(missing.map(([, program]) => program.package))]
  if (process.getuid?.() === 0 && hasProgram('apt-get')) {
    console.log(`installing ${packages.join(', ')} …`)
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    apt(['update', '-qq'], env)
    apt(['install', '-y', '-qq', '--no-install-recommends', ...packages], env)
  }
  const still = missing.filter(([name]) => !hasProgram(name))
  for (const [name, program] of still)
    console.log(
      `not installed: ${name} (Debian package ${program.package}); skipped: ${program.group}`,
    )
  if (still.length > 0 && process.env.CI === 'true')
    fail(`CI=true and ${still.map(([name]) => name).join(', ')} cannot be installed.`)
}

function apt(args, env) {
  const result = spawnSync('apt-get', args, {
    cwd: root,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (result.status !== 0) console.log(`apt-get ${args[0]} failed`)
}
