// `npm start`: install, build, and run a local cluster on the embedded store. Arguments go to `ringway up`.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { build, checkNode, install, root } from './lib/steps.mjs'

checkNode()
install()
build()

const cluster = spawn(
  process.execPath,
  [join(root, 'apps', 'node', 'dist', 'main.js'), 'up', ...process.argv.slice(2)],
  { stdio: 'inherit' },
)
// The terminal sends Ctrl-C to the whole group; this process only waits for the cluster to finish its goodbye.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    if (signal !== 'SIGINT') cluster.kill(signal)
  })
cluster.on('exit', (code, signal) => process.exit(code ?? (signal ? 1 : 0)))
