import { describe, expect, test } from 'vitest'
import {
  createRing,
  RING_LIMITS,
  RingError,
  type RingErrorCode,
  type RingNode,
  type RingOptions,
} from '../src/index.ts'

const expectCode = (act: () => unknown, code: RingErrorCode): void => {
  let thrown: unknown
  try {
    act()
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(RingError)
  expect((thrown as RingError).code).toBe(code)
  expect((thrown as RingError).message).toContain(code)
}

/** Values that only reach a ring from configuration files or plain JavaScript. */
const untyped = (node: Record<string, unknown>): RingNode => node as unknown as RingNode

describe('node ids', () => {
  test('of 512 bytes are taken, of 513 refused', () => {
    const longest = 'é'.repeat(RING_LIMITS.nodeIdBytesMax / 2)
    expect(createRing([{ id: longest }]).owner('k')).toBe(longest)
    expectCode(() => createRing([{ id: `${longest}a` }]), 'RING_NODE_ID_INVALID')
    expectCode(() => createRing([{ id: 'a'.repeat(513) }]), 'RING_NODE_ID_INVALID')
  })

  test('that are empty, no string, not well-formed or there twice are refused', () => {
    for (const id of ['', 7, null, undefined, 'a\ud800']) {
      expectCode(() => createRing([untyped({ id })]), 'RING_NODE_ID_INVALID')
      expectCode(() => createRing([]).with(untyped({ id })), 'RING_NODE_ID_INVALID')
    }
    expectCode(
      () => createRing([{ id: 'a' }, { id: 'b' }, { id: 'a', weight: 2 }]),
      'RING_NODE_ID_DUPLICATE',
    )
  })
})

describe('weights and zones', () => {
  test('weights that are no finite number above 0 are refused', () => {
    for (const weight of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, '2', null]) {
      expectCode(() => createRing([untyped({ id: 'a', weight })]), 'RING_NODE_WEIGHT_INVALID')
    }
    expect(createRing([{ id: 'a', weight: Number.MIN_VALUE }]).owner('k')).toBe('a')
  })

  test('zones of 255 bytes are taken, of 256 refused', () => {
    const zone = 'z'.repeat(RING_LIMITS.zoneBytesMax)
    expect(createRing([{ id: 'a', zone }]).nodes[0]?.zone).toBe(zone)
    for (const bad of [`${zone}z`, 5, '\udc00']) {
      expectCode(() => createRing([untyped({ id: 'a', zone: bad })]), 'RING_NODE_ZONE_INVALID')
    }
  })
})

describe('sizes', () => {
  test('65,535 nodes are taken, one more refused', () => {
    const nodes = Array.from({ length: RING_LIMITS.nodesMax }, (_, i) => ({ id: `n${i}` }))
    const ring = createRing(nodes, { pointsPerWeight: 1 })
    expect(ring.nodes).toHaveLength(RING_LIMITS.nodesMax)
    expect(ring.ownersAt(0, 20)).toHaveLength(20)
    expectCode(() => ring.with({ id: 'x' }), 'RING_NODES_EXCEEDED')
    expectCode(
      () => createRing([...nodes, { id: 'x' }], { pointsPerWeight: 1 }),
      'RING_NODES_EXCEEDED',
    )
  })

  test('16,777,216 points are taken, one more refused', () => {
    const half = RING_LIMITS.pointsMax / 2
    const ring = createRing([
      { id: 'a', weight: half / 4096 },
      { id: 'b', weight: half / 4096 },
    ])
    expect(ring.owners('k', 2)).toHaveLength(2)
    expectCode(() => ring.with({ id: 'c', weight: 1e-9 }), 'RING_POINTS_EXCEEDED')
    expectCode(() => ring.with({ id: 'b', weight: half / 4096 + 1 }), 'RING_POINTS_EXCEEDED')
    expectCode(() => createRing([{ id: 'a', weight: 1e300 }]), 'RING_POINTS_EXCEEDED')
  })
})

describe('options', () => {
  test('that do not exist are refused with what is allowed', () => {
    const wrong: readonly Record<string, unknown>[] = [
      { keyHash: 'md5' },
      { placement: 'ketamas' },
      { hashTags: 'yes' },
      { pointsPerWeight: 0 },
      { pointsPerWeight: 1.5 },
      { pointsPerWeight: RING_LIMITS.pointsMax + 1 },
    ]
    for (const options of wrong) {
      expectCode(() => createRing([], options as RingOptions), 'RING_OPTION_INVALID')
    }
  })

  test('have their defaults written out', () => {
    expect(createRing([]).options).toEqual({
      placement: 'ringway',
      keyHash: 'xxh32',
      pointsPerWeight: 4096,
      hashTags: true,
    })
  })
})
