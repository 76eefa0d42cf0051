import { describe, expect, it } from 'vitest'
import { parseSeed, type Resolver, resolveSeed } from '../../src/net/seeds.ts'

const names: Resolver = {
  addresses: async (host) => {
    if (host === 'two.test') return ['10.0.0.1', '::ffff:10.0.0.2', '2001:db8::1']
    if (host === 'many.test')
      return Array.from({ length: 300 }, (_, i) => `10.1.${i >> 8}.${i & 255}`)
    if (host === 'none.test') return []
    throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })
  },
  srv: async () => [
    { host: 'two.test', port: 7000 },
    { host: '10.9.9.9', port: 7001 },
  ],
}
const resolve = (text: string, signal?: AbortSignal) =>
  resolveSeed(parseSeed(text, 7946), names, signal)

describe('seeds', () => {
  it.each([
    ['10.0.0.1:80', { type: 'host', host: '10.0.0.1', port: 80 }],
    ['10.0.0.1', { type: 'host', host: '10.0.0.1', port: 7946 }],
    ['cache.test:80', { type: 'host', host: 'cache.test', port: 80 }],
    ['[::1]:80', { type: 'host', host: '::1', port: 80 }],
    ['[::1]', { type: 'host', host: '::1', port: 7946 }],
    ['2001:db8::1', { type: 'host', host: '2001:db8::1', port: 7946 }],
    ['node-a/10.0.0.1:80', { type: 'host', host: '10.0.0.1', port: 80, name: 'node-a' }],
    ['dns:cache.test:80', { type: 'host', host: 'cache.test', port: 80 }],
    ['srv:_ringway._udp.cache.test', { type: 'srv', name: '_ringway._udp.cache.test' }],
  ])('%s is understood', (text, seed) => {
    expect(parseSeed(text, 7946)).toEqual(seed)
  })

  it.each([
    '',
    ':80',
    'a:b',
    'a:0',
    'a:65536',
    '/a:1',
    'a b:1',
    '[::1',
    'srv:',
    'srv:cache.test',
    'dns:',
    'dns::80',
    'a:1:2',
  ])('%j is refused and named', (text) => {
    expect(() => parseSeed(text, 7946)).toThrow(`seed: ${text}`)
  })

  it('resolve to all their addresses', async () => {
    expect(await resolve('dns:two.test:80')).toEqual([
      { host: '10.0.0.1', port: 80 },
      { host: '10.0.0.2', port: 80 },
      { host: '2001:db8::1', port: 80 },
    ])
    expect(await resolve('srv:_x._udp.test')).toEqual([
      { host: '10.0.0.1', port: 7000 },
      { host: '10.0.0.2', port: 7000 },
      { host: '2001:db8::1', port: 7000 },
      { host: '10.9.9.9', port: 7001 },
    ])
  })

  it('keep the first 256 addresses', async () => {
    expect(await resolve('many.test:1')).toHaveLength(256)
  })

  it('that do not resolve are named', async () => {
    await expect(resolve('nobody.test:1')).rejects.toMatchObject({
      code: 'GOSSIP_SEED_UNRESOLVED',
      details: { seed: 'nobody.test', system: 'ENOTFOUND' },
    })
    await expect(resolve('none.test:1')).rejects.toMatchObject({ code: 'GOSSIP_SEED_UNRESOLVED' })
  })

  it('are given up when the caller gives up', async () => {
    const never: Resolver = { ...names, addresses: () => new Promise(() => undefined) }
    const controller = new AbortController()
    const resolving = resolveSeed(parseSeed('two.test:1', 1), never, controller.signal)
    controller.abort()
    await expect(resolving).rejects.toMatchObject({ code: 'GOSSIP_ABORTED' })
    await expect(resolve('two.test:1', AbortSignal.abort())).rejects.toMatchObject({
      code: 'GOSSIP_ABORTED',
    })
  })
})
