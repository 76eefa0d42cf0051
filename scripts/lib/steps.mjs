// Steps that `npm start` and `npm test` share. Plain Node: nothing is installed yet when they run.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

// Not import.meta.dirname: a Node.js that is too old for it must come as far as being told so.
export const root = fileURLToPath(new URL('../..', import.meta.url))

const NODE_FLOOR = [20, 19]

/** Ends the process with a plain message: the reader is at a terminal, not in a debugger. */
export function fail(message) {
  console.error(`\n${message}`)
  process.exit(1)
}

/** Runs a command, with inherited output unless told otherwise. */
export function run(command, args, options = {}) {
  const result = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' },
    ...options,
  })
  if (result.error) fail(`cannot run ${command}: ${result.error.message}`)
  return result
}

export function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > NODE_FLOOR[0] || (major === NODE_FLOOR[0] && minor >= NODE_FLOOR[1])) return
  fail(`Ringway needs Node.js ${NODE_FLOOR.join('.')} or newer; this is ${process.versions.node}.`)
}

/** Installs when node_modules is missing or older than the lock file. */
export function install() {
  const stamp = join(root, 'node_modules', '.package-lock.json')
  const lock = join(root, 'package-lock.json')
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= statSync(lock).mtimeMs) return
  console.log('installing dependencies …')
  if (
    run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel', 'error']).status !==
    0
  )
    fail('npm ci failed; its messages are above.')
}

export function build() {
  console.log('building …')
  runQuietly('the build', bin('turbo'), ['run', 'build', '--output-logs=errors-only'])
}

/** Runs a step and shows its output only when it fails. */
export function runQuietly(what, command, args) {
  const { status, stdout, stderr } = run(command, args, { stdio: 'pipe', encoding: 'utf8' })
  if (status === 0) return
  console.log(stdout + stderr)
  fail(`${what} failed; its messages are above.`)
}

export function bin(name) {
  return join(root, 'node_modules', '.bin', name)
}

/** The Debian programs that tests at the edge need, from test/programs.json. */
export function wantedPrograms() {
  return JSON.parse(readFileSync(join(root, 'test', 'programs.json'), 'utf8'))
}

/** Whether a program is there; what is no program on the path is known by a file of its package. */
export function hasProgram(name) {
  const { file } = wantedPrograms()[name] ?? {}
  if (file !== undefined) return existsSync(file)
  return (process.env.PATH ?? '')
    .split(':')
    .concat('/usr/sbin', '/usr/local/sbin')
    .some((folder) => folder !== '' && existsSync(join(folder, name)))
}
