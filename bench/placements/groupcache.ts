import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Speed } from './speed.ts'

/** Points per server: as many as ketama has, and as many as ours. */
const POINTS = [160, 4096]
/** Where Debian's golang-github-golang-groupcache-dev puts the library. */
const GO_PATH = process.env['GOPATH'] ?? '/usr/share/gocode'
const RUN_TIMEOUT_MS = 120_000

interface Measured {
  readonly lookUpNs: number
  readonly lookUpCpuNs: number
  readonly buildMs: number
}

/** Go's groupcache/consistenthash, compiled and run here; nothing, and a printed reason, where that is not possible. */
export function measureGroupcache(nodes: number, keys: number, operations: number): Speed[] {
  const folder = mkdtempSync(join(tmpdir(), 'ringway-bench-'))
  try {
    const binary = join(folder, 'groupcache')
    const source = fileURLToPath(new URL('../../placements/go/main.go', import.meta.url))
    const env = { ...process.env, GO111MODULE: 'off', GOPATH: GO_PATH, GOFLAGS: '' }
    const built = spawnSync('go', ['build', '-o', binary, source], { env, encoding: 'utf8' })
    if (built.status !== 0) {
      const reason = (built.error?.message ?? built.stderr).trim().split('\n')[0]
      console.log(`skipped: Go groupcache/consistenthash: ${reason}`)
      return []
    }
    return POINTS.map((points) => {
      const args = [nodes, points, keys, operations].map(String)
      const run = spawnSync(binary, args, { encoding: 'utf8', timeout: RUN_TIMEOUT_MS })
      if (run.status !== 0) throw new Error(`groupcache failed: ${run.stderr}`)
      const measured = JSON.parse(run.stdout) as Measured
      return { name: `Go groupcache/consistenthash, ${points} points`, ...measured }
    })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
