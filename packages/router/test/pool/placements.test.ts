import { createRing, RING_PLACEMENTS, type RingOptions } from '@ringway/ring'
import { describe, expect, it } from 'vitest'
import { KeyRing } from '../../src/pool/key-ring.ts'
import { bulk, named } from '../testing/fake-backend.ts'
import { startBackend, startRouter } from '../testing/fixture.ts'
import { backendAt, redisPool, topologyMessage } from '../testing/topologies.ts'

const PLACEMENTS = Object.keys(RING_PLACEMENTS).map((placement) => ({ placement }) as RingOptions)
const KEYS = Array.from({ length: 40 }, (_, i) => `key:${i * 7919}:profile`)
const BACKENDS = [7001, 7002, 7003, 7004].map((port) => backendAt(port))

describe('a ring of keys', () => {
  it.each(PLACEMENTS)('names the owners of $placement', (placement) => {
    const ring = createRing(BACKENDS, placement)
    const keys = new KeyRing()
    keys.update({ placement, backends: BACKENDS })
    for (const key of KEYS) {
      const place = keys.placeOf(Buffer.from(key))
      expect(keys.nodes[keys.ownerIndexAt(place)]?.id).toBe(ring.owner(key))
      expect(keys.ownersAt(place, 3)).toEqual(ring.owners(key, 3))
      expect(keys.placeOf(Buffer.from(key))).toBe(place)
    }
  })

  it.each(PLACEMENTS)('follows changes of nodes with $placement', (placement) => {
    const keys = new KeyRing()
    for (const backends of [BACKENDS, BACKENDS.slice(0, 2), [], BACKENDS.slice(1)]) {
      keys.update({ placement, backends })
      const ring = createRing(backends, placement)
      for (const key of KEYS) {
        const index = keys.ownerIndexAt(keys.placeOf(Buffer.from(key)))
        expect(keys.nodes[index]?.id).toBe(ring.owner(key))
      }
    }
  })

  it('takes another placement in place of the one before', () => {
    const keys = new KeyRing()
    for (const placement of [...PLACEMENTS, ...PLACEMENTS.toReversed()]) {
      keys.update({ placement, backends: BACKENDS })
      const key = Buffer.from('user:42')
      const owner = createRing(BACKENDS, placement).owner(key)
      expect(keys.nodes[keys.ownerIndexAt(keys.placeOf(key))]?.id).toBe(owner)
    }
  })

  it('survives a place of a ring that had more nodes', () => {
    const keys = new KeyRing()
    keys.update({ placement: { placement: 'mcrouter' }, backends: BACKENDS })
    const places = KEYS.map((key) => keys.placeOf(Buffer.from(key)))
    keys.update({ placement: { placement: 'mcrouter' }, backends: BACKENDS.slice(0, 1) })
    for (const place of places) {
      expect(keys.ownerIndexAt(place)).toBe(0)
      expect(keys.ownersAt(place, 3)).toEqual([BACKENDS[0]?.id])
    }
    keys.clear()
    expect(keys.ownerIndexAt(places[0] ?? 0)).toBe(-1)
    expect(keys.ownersAt(places[0] ?? 0, 3)).toEqual([])
  })
})

describe('a static pool of another placement', () => {
  const compatible = PLACEMENTS.filter(({ placement }) => placement !== 'ringway')

  it.each(compatible)('sends keys to the owners of $placement', async (placement) => {
    const servers = await Promise.all(['0', '1', '2'].map((name) => startBackend(named(name))))
    const backends = servers.map(({ port }) => backendAt(port))
    const { client, router } = await startRouter()
    router.post(topologyMessage(1, { ...redisPool(backends), placement }))
    const ring = createRing(backends, placement)
    const numberOf = (key: string) => backends.findIndex(({ id }) => id === ring.owner(key))
    const redis = client()
    redis.send(...KEYS.map((key) => ['GET', key]), ['MGET', ...KEYS])
    const answers = KEYS.map((key) => bulk(`${numberOf(key)}:${key}`))
    const all = [...answers, `*${KEYS.length}\r\n${answers.join('')}`]
    expect(await redis.replies(all.length)).toEqual(all)
  })

  it.each(['mcrouter', 'caddy'] as const)(
    'asks the next owner of a whole key when one is lost: %s',
    async (placement) => {
      const servers = await Promise.all(['0', '1', '2'].map((name) => startBackend(named(name))))
      const backends = servers.map(({ port }) => backendAt(port))
      const { client, router } = await startRouter()
      router.post(topologyMessage(1, { ...redisPool(backends), placement: { placement } }))
      const ring = createRing(backends, { placement } as RingOptions)
      await servers[1]?.kill()
      const redis = client()
      // Two rounds: the first commands are lost with the backend, later ones find it avoided.
      for (let round = 0; round < 2; round++)
        for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']) {
          const owner = ring.owners(key, 2).find((id) => id !== backends[1]?.id)
          const number = backends.findIndex(({ id }) => id === owner)
          expect(await redis.ask(`GET ${key}`)).toBe(bulk(`${number}:${key}`))
        }
    },
  )
})
