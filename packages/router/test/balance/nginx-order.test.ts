import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { get } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Balance, createBalancer } from '../../src/balance/balance.ts'
import { NONE_TRIED } from '../../src/balance/balanced-backend.ts'
import { backend } from '../testing/balanced.ts'
import { onCleanup } from '../testing/fixture.ts'

const REQUESTS = 40
const START_TIMEOUT_MS = 10_000

const program = ['/usr/sbin', '/usr/local/sbin', ...(process.env['PATH'] ?? '').split(':')]
  .map((folder) => `${folder}/nginx`)
  .find((path) => existsSync(path))

/** Pools whose order is compared: weights in the order of the configuration. */
const POOLS = [
  [1, 1, 1],
  [5, 1, 1],
  [4, 3, 2, 1],
  [1, 10],
  [7, 7, 3, 1, 1],
]

// In CI a missing program is a failure: the spawn says so.
describe.skipIf(program === undefined && process.env['CI'] !== 'true')(
  'beside a real nginx',
  () => {
    it('round robin and least connections choose in its order', async () => {
      const folder = await startNginx()
      for (const [index, weights] of POOLS.entries()) {
        for (const [balance, upstream] of [
          ['round-robin', `rr${index}`],
          ['least-connections', `lc${index}`],
        ] as const) {
          const seen: string[] = []
          for (let i = 0; i < REQUESTS; i++) seen.push(await ask(folder, upstream))
          expect(seen.join(''), `${balance} ${weights}`).toBe(ours(balance, weights))
        }
      }
    })
  },
)

function ours(balance: Balance, weights: readonly number[]): string {
  const backends = weights.map((weight, index) => backend(String(index), { weight }))
  const balancer = createBalancer(balance, () => 0)
  return Array.from({ length: REQUESTS }, () => balancer.pick(backends, NONE_TRIED)).join('')
}

/** One worker, everything over Unix sockets of its folder; each backend answers with its number. */
async function startNginx(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ringway-nginx-'))
  const most = Math.max(...POOLS.map(({ length }) => length))
  const servers = (weights: readonly number[]) =>
    weights
      .map((weight, i) => `server unix:${folder}/b${i} weight=${weight} max_fails=0;`)
      .join(' ')
  await writeFile(
    join(folder, 'conf'),
    `daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log stderr error;
    events { worker_connections 256; }
    http {
      access_log off; client_body_temp_path ${folder}/1; proxy_temp_path ${folder}/2;
      fastcgi_temp_path ${folder}/3; uwsgi_temp_path ${folder}/4; scgi_temp_path ${folder}/5;
      ${POOLS.map((weights, i) => `upstream rr${i} { ${servers(weights)} } upstream lc${i} { least_conn; ${servers(weights)} }`).join('\n')}
      ${Array.from({ length: most }, (_, i) => `server { listen unix:${folder}/b${i}; location / { return 200 ${i}; } }`).join('\n')}
      server { listen unix:${folder}/front;
        ${POOLS.flatMap((_, i) => [`rr${i}`, `lc${i}`].map((name) => `location /${name} { proxy_pass http://${name}; }`)).join('\n')} }
    }`,
  )
  const child = spawn(
    program ?? 'nginx',
    ['-c', join(folder, 'conf'), '-p', folder, '-e', 'stderr'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  child.stderr.on('data', (bytes: Buffer) => {
    said += bytes.toString()
  })
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  onCleanup(async () => {
    child.kill('SIGTERM')
    await exited
    await rm(folder, { recursive: true, force: true })
  })
  const deadline = performance.now() + START_TIMEOUT_MS
  for (;;) {
    try {
      await ask(folder, 'ready')
      return folder
    } catch (error) {
      if (child.exitCode !== null || performance.now() > deadline)
        throw new Error(`nginx did not start: ${said}`, { cause: error })
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** The body of one answer; the path of no upstream is answered too, without touching their order. */
function ask(folder: string, upstream: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get({ socketPath: `${folder}/front`, path: `/${upstream}` }, (response) => {
      let body = ''
      response.on('data', (bytes: Buffer) => {
        body += bytes.toString()
      })
      response.once('end', () => resolve(body))
    })
    request.once('error', reject)
  })
}
