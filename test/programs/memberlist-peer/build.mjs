// Builds memberlist-peer and prints the path of the program. The test suite and the benchmark share what is built: it lies in
// the user's cache, by the content of its source and of Debian's memberlist, and is built again only when one of them changes.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

// Where golang-github-hashicorp-memberlist-dev and what it needs put their sources.
const GO_PATH = '/usr/share/gocode'
const MEMBERLIST = join(GO_PATH, 'src/github.com/hashicorp/memberlist')

const here = import.meta.dirname
const hash = createHash('sha256').update(readFileSync(join(here, 'main.go')))
for (const file of readdirSync(MEMBERLIST).sort()) {
  if (file.endsWith('.go')) hash.update(readFileSync(join(MEMBERLIST, file)))
}
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'ringway-test')
const folder = join(cache, hash.digest('hex').slice(0, 16))
const program = join(folder, 'memberlist-peer')
if (!existsSync(program)) build()
console.log(program)

function build() {
  mkdirSync(folder, { recursive: true })
  const fresh = `${program}.${process.pid}`
  const { error, status } = spawnSync('go', ['build', '-o', fresh, '.'], {
    cwd: here,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      GO111MODULE: 'off',
      GOPATH: GO_PATH,
      GOFLAGS: '',
      GOPROXY: 'off',
      CGO_ENABLED: '0',
      GOCACHE: join(cache, 'go-build'),
    },
  })
  if (error || status !== 0) {
    console.error(`memberlist-peer cannot be built: ${error?.message ?? `go ended with ${status}`}`)
    process.exit(1)
  }
  // Renamed, so that two runs at once never see half a program.
  renameSync(fresh, program)
}
