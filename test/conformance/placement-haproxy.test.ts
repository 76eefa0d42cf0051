import { createRing, type PlacementOptions, type RingNode } from '@ringway/ring'
import { afterEach, describe, it, type TestContext } from 'vitest'
import { askOver, HTTP, LIVE_TIMEOUT_MS } from '../support/placement-ask.ts'
import { expectAgreement } from '../support/placement-compare.ts'
import { httpKeyCount, LIVE_COUNTS, liveKeys } from '../support/placement-keys.ts'
import { type LiveProgram, startProgram } from '../support/placement-process.ts'
import { freePorts } from '../support/ports.ts'
import { requireProgram } from '../support/programs.ts'

const KEYS = liveKeys(httpKeyCount)
const FEW_KEYS = KEYS.slice(0, 5_000)
const CONNECTIONS = 16

let started: LiveProgram | undefined
afterEach(async () => {
  await started?.stop()
  started = undefined
})

/** One `backend` section. */
interface Backend {
  readonly hashType: string
  readonly nodes: readonly RingNode[]
  readonly options: PlacementOptions
  /** The `id` settings, and the server that is disabled. */
  readonly ids?: Readonly<Record<string, number>>
  readonly disabled?: string
}

/** A HAProxy whose servers all refuse connections: its answer to that names the server that it chose. */
async function start(
  context: TestContext,
  backends: readonly Backend[],
): Promise<readonly number[]> {
  const program = requireProgram(context, 'haproxy')
  const ports = await freePorts(backends.length)
  const [closed = 0] = await freePorts(1)
  const sections = backends.map(({ hashType, nodes, ids, disabled }, i) =>
    [
      `frontend f${i}`,
      `  bind 127.0.0.1:${ports[i]}`,
      '  http-after-response set-header x-answer server=%[srv_name];',
      `  default_backend b${i}`,
      `backend b${i}`,
      '  balance hdr(x-key)',
      `  hash-type ${hashType}`,
      ...nodes.map(({ id, weight = 1 }) =>
        [
          `  server ${id} 127.0.0.1:${closed} weight ${weight}`,
          ids?.[id] === undefined ? '' : ` id ${ids[id]}`,
          id === disabled ? ' disabled' : '',
        ].join(''),
      ),
    ].join('\n'),
  )
  started = await startProgram({
    program,
    ports,
    args: (file) => ['-db', '-q', '-f', file],
    config: () => `
global
  maxconn 500
  nbthread 1
defaults
  mode http
  retries 0
  no option redispatch
  timeout connect 5s
  timeout client 60s
  timeout server 60s
${sections.join('\n')}
`,
  })
  return ports
}

async function compare(port: number, backend: Backend, keys: readonly Uint8Array[]): Promise<void> {
  const { nodes, options, disabled } = backend
  const whole = createRing(nodes, options)
  const ring = disabled === undefined ? whole : whole.without(disabled)
  const theirs = await askOver(CONNECTIONS, port, keys, HTTP)
  const what = `hash-type ${backend.hashType}, ${nodes.length} servers`
  expectAgreement(what, keys, theirs, (key) => ring.owner(key))
}

const servers = (count: number, weights: readonly number[] = [1]): RingNode[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `${i % 2 === 0 ? 's' : 'server-'}${i}`,
    weight: weights[i % weights.length] ?? 1,
  }))

describe('HAProxy', { timeout: LIVE_TIMEOUT_MS }, () => {
  for (const count of LIVE_COUNTS) {
    it(`agrees on ${httpKeyCount} keys at ${count} servers`, async (context) => {
      const backend: Backend = {
        hashType: 'consistent',
        nodes: servers(count, [1 + (count % 3)]),
        options: { placement: 'haproxy' },
      }
      const [port = 0] = await start(context, [backend])
      await compare(port, backend, KEYS)
    })
  }

  it('agrees on weights, functions, avalanche and ids, on a disabled server, and on maps', async (context) => {
    const ids = { s0: 9, s2: 4 }
    const consistent = (
      keyHash: 'sdbm' | 'djb2' | 'wt6' | 'crc32',
      avalanche: boolean,
    ): Backend => ({
      hashType: `consistent ${keyHash}${avalanche ? ' avalanche' : ''}`,
      nodes: servers(5, [10]),
      options: { placement: 'haproxy', keyHash, avalanche },
    })
    const mapped = (
      weights: readonly number[],
      keyHash: 'sdbm' | 'djb2' | 'wt6' | 'crc32',
      avalanche: boolean,
    ): Backend => ({
      hashType: `map-based ${keyHash}${avalanche ? ' avalanche' : ''}`,
      nodes: servers(weights.length, weights),
      options: { placement: 'modula', style: 'haproxy', keyHash, avalanche },
    })
    const backends: readonly Backend[] = [
      {
        hashType: 'consistent',
        nodes: servers(4, [1, 2, 3, 10]),
        options: { placement: 'haproxy' },
      },
      {
        hashType: 'consistent',
        nodes: servers(5, [4]),
        options: { placement: 'haproxy' },
        disabled: 's2',
      },
      {
        hashType: 'consistent',
        nodes: servers(4, [100]),
        options: { placement: 'haproxy', serverIds: ids },
        ids,
      },
      consistent('sdbm', false),
      consistent('djb2', false),
      consistent('wt6', false),
      consistent('crc32', true),
      mapped([2, 4, 6], 'sdbm', false),
      mapped([2, 1], 'djb2', true),
      mapped([3, 5, 7, 11, 1], 'crc32', false),
    ]
    const ports = await start(context, backends)
    for (const [i, backend] of backends.entries()) {
      await compare(ports[i] as number, backend, FEW_KEYS)
    }
  })
})
