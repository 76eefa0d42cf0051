import { type AnyRing, createRing, type RingNode } from '@ringway/ring'
import { afterEach, describe, it, type TestContext } from 'vitest'
import { askOver, HTTP, LIVE_TIMEOUT_MS } from '../support/placement-ask.ts'
import { expectAgreement } from '../support/placement-compare.ts'
import { httpKeyCount, LIVE_COUNTS, liveKeys } from '../support/placement-keys.ts'
import { type LiveProgram, startProgram } from '../support/placement-process.ts'
import { freePorts } from '../support/ports.ts'
import { requireProgram } from '../support/programs.ts'

const KEYS = liveKeys(httpKeyCount)
const FEW_KEYS = KEYS.slice(0, 5_000)
const CONNECTIONS = 8

let started: LiveProgram | undefined
afterEach(async () => {
  await started?.stop()
  started = undefined
})

/** One `upstream` block. */
interface Upstream {
  readonly hash: string
  readonly nodes: readonly RingNode[]
  readonly down?: string
}

/**
 * An nginx whose upstreams all refuse connections, which costs less than answering: a request goes from one upstream to
 * the next by `error_page`, and `$upstream_addr` lists whom each of them chose.
 */
async function start(context: TestContext, upstreams: readonly Upstream[]): Promise<number> {
  const program = requireProgram(context, 'nginx')
  const [port = 0] = await freePorts(1)
  const blocks = upstreams.map(({ hash, nodes, down }, i) =>
    [
      `upstream u${i} {`,
      `  hash $http_x_key${hash};`,
      ...nodes.map(
        ({ id, weight = 1 }) =>
          `  server ${id} weight=${weight} max_fails=0${id === down ? ' down' : ''};`,
      ),
      '}',
    ].join('\n'),
  )
  const hops = upstreams.map((_, i) => {
    const next = i + 1 < upstreams.length ? `@u${i + 1}` : '@end'
    return `location ${i === 0 ? '/' : `@u${i}`} { proxy_pass http://u${i}; proxy_next_upstream off; error_page 502 = ${next}; }`
  })
  started = await startProgram({
    program,
    ports: [port],
    args: (file, folder) => ['-c', file, '-p', folder, '-e', `${folder}/error.log`],
    config: (folder) => `
      daemon off; master_process off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log emerg;
      events { worker_connections 256; }
      http {
        access_log off; keepalive_requests 100000000; recursive_error_pages on; ignore_invalid_headers off;
        client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c;
        uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
        ${blocks.join('\n')}
        server {
          listen 127.0.0.1:${port};
          ${hops.join('\n')}
          location @end { return 200 "server=$upstream_addr;"; }
        }
      }`,
  })
  return port
}

/** Loopback ports and sockets where nothing listens: names of different lengths, with and without a port. */
const servers = (count: number, weights: readonly number[] = []): RingNode[] =>
  Array.from({ length: count }, (_, i) => ({
    id: i % 4 === 3 ? `unix:/run/ringway-nobody-${i}` : `127.88.${i * 5}.${200 - i}:${1 + (i % 7)}`,
    weight: weights[i % Math.max(1, weights.length)] ?? 1,
  }))

async function compare(
  port: number,
  upstreams: readonly Upstream[],
  keys: readonly Uint8Array[],
  ours: (ring: AnyRing, key: Uint8Array, upstream: Upstream) => string | undefined,
): Promise<void> {
  const answers = await askOver(CONNECTIONS, port, keys, HTTP)
  for (const [i, upstream] of upstreams.entries()) {
    const ring =
      upstream.hash === ''
        ? createRing(upstream.nodes, { placement: 'modula', style: 'nginx' })
        : createRing(upstream.nodes, { placement: 'nginx' })
    const theirs = answers.map((answer) => answer.split(' : ')[i] ?? answer)
    const what = `hash${upstream.hash}, ${upstream.nodes.length} servers`
    expectAgreement(what, keys, theirs, (key) => ours(ring, key, upstream))
  }
}

describe('nginx', { timeout: LIVE_TIMEOUT_MS }, () => {
  for (const counts of [LIVE_COUNTS.slice(0, 4), LIVE_COUNTS.slice(4)]) {
    it(`agrees on ${httpKeyCount} keys at ${counts.join(', ')} servers`, async (context) => {
      const upstreams = counts.map((count) => ({ hash: ' consistent', nodes: servers(count) }))
      const port = await start(context, upstreams)
      await compare(port, upstreams, KEYS, (ring, key) => ring.owner(key))
    })
  }

  it('agrees on weights, on plain hash, and on whom the keys of a server go to that is down', async (context) => {
    const down = servers(5)[2]?.id ?? ''
    const upstreams: readonly Upstream[] = [
      { hash: ' consistent', nodes: servers(4, [1, 2, 3, 10]) },
      { hash: ' consistent', nodes: servers(3, [5, 1, 1]) },
      { hash: '', nodes: servers(3, [1, 2, 1]) },
      { hash: '', nodes: servers(14) },
      { hash: ' consistent', nodes: servers(5), down },
    ]
    const port = await start(context, upstreams)
    await compare(port, upstreams, FEW_KEYS, (ring, key, upstream) =>
      upstream.down === undefined
        ? ring.owner(key)
        : ring.owners(key, 2).find((id) => id !== upstream.down),
    )
  })
})
