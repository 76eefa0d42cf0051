import { createRing, type PlacementOptions, type RingNode } from '@ringway/ring'
import { afterAll, describe, it, type TestContext } from 'vitest'
import { expectAgreement } from '../support/placement-compare.ts'
import { LIVE_COUNTS, liveKeys } from '../support/placement-keys.ts'
import {
  LIBMEMCACHED_NUMBERS,
  type Libmemcached,
  requireLibmemcached,
} from '../support/placement-libmemcached.ts'

const KEYS = liveKeys(100_000)
const FEW_KEYS = KEYS.slice(0, 20_000)

let shared: Libmemcached | undefined
afterAll(() => shared?.remove())

type Hash = keyof typeof LIBMEMCACHED_NUMBERS

function compare(
  context: TestContext,
  distribution: 'modula' | 'ketama' | 'ketama-weighted',
  hash: Hash | undefined,
  nodes: readonly RingNode[],
  options: PlacementOptions,
  keys = KEYS,
): void {
  shared ??= requireLibmemcached(context)
  const ring = createRing(nodes, options)
  const theirs = shared
    .owners(distribution, hash, nodes, keys)
    .map((index) => nodes[index]?.id ?? '')
  expectAgreement(
    `${distribution} ${hash ?? 'by default'}, ${nodes.length} servers`,
    keys,
    theirs,
    (key) => ring.owner(key),
  )
}

/** Hosts of different lengths, not sorted. */
const servers = (count: number, weights: readonly number[] = []): RingNode[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `${i % 2 === 0 ? `10.0.${250 - i}.${i}` : `cache-${i}.example`}:${6379 + (i % 3)}`,
    weight: weights[i % weights.length] ?? 1,
  }))

describe('libmemcached', () => {
  for (const count of LIVE_COUNTS) {
    it(`agrees on 100,000 keys at ${count} servers: weighted, plain and modula`, (context) => {
      const nodes = servers(count)
      compare(context, 'ketama-weighted', undefined, nodes, { placement: 'ketama-weighted' })
      compare(context, 'ketama', undefined, nodes, { placement: 'ketama-plain' })
      compare(
        context,
        'modula',
        undefined,
        nodes,
        { placement: 'modula', style: 'libmemcached' },
        FEW_KEYS,
      )
    })
  }

  it('agrees on weights, and switches to weighted points when one is above 1', (context) => {
    for (const weights of [
      [1, 2, 3, 10],
      [1, 1, 1, 2],
      [7, 7, 7, 7],
      [100, 1, 1, 1],
    ]) {
      const nodes = servers(4, weights)
      compare(context, 'ketama-weighted', undefined, nodes, { placement: 'ketama-weighted' })
      compare(context, 'ketama', undefined, nodes, { placement: 'ketama-plain' })
      compare(
        context,
        'modula',
        undefined,
        nodes,
        { placement: 'modula', style: 'libmemcached' },
        FEW_KEYS,
      )
    }
  })

  it('agrees on servers with the port 11211, and on what is left when one is gone', (context) => {
    const nodes = ['10.0.0.1:11211', '10.0.0.2:11211', '10.0.0.3:11212', 'cache:11211'].map(
      (id) => ({ id }),
    )
    for (const left of [nodes, nodes.slice(1)]) {
      compare(context, 'ketama-weighted', undefined, left, { placement: 'ketama-weighted' })
      compare(context, 'ketama', undefined, left, { placement: 'ketama-plain' })
    }
  })

  it('agrees on every key hash', (context) => {
    for (const keyHash of Object.keys(LIBMEMCACHED_NUMBERS) as Hash[]) {
      const nodes = servers(5)
      compare(context, 'ketama', keyHash, nodes, { placement: 'ketama-plain', keyHash }, FEW_KEYS)
      compare(
        context,
        'ketama-weighted',
        keyHash,
        nodes,
        { placement: 'ketama-weighted', keyHash },
        FEW_KEYS,
      )
      compare(
        context,
        'modula',
        keyHash,
        nodes,
        { placement: 'modula', style: 'libmemcached', keyHash },
        FEW_KEYS,
      )
    }
  })
})
