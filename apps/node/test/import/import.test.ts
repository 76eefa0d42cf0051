import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { importMcrouter } from '../../src/import/mcrouter.ts'
import { importNutcracker } from '../../src/import/nutcracker.ts'
import { prove, sampleKeys } from '../../src/import/proof.ts'

const FIXTURES = join(import.meta.dirname, 'fixtures')
const KEYS = sampleKeys(10_000)

const fixture = (name: string) => readFileSync(join(FIXTURES, name), 'utf8')
const load = (name: string) => importNutcracker(fixture(name), name)
const faultOf = (work: () => unknown): string => {
  try {
    work()
  } catch (error) {
    return `${(error as { code?: string }).code} ${(error as Error).message}`
  }
  return 'no fault'
}
const nutcracker = (body: string) => faultOf(() => importNutcracker(body, 'nutcracker.yml'))

describe('a nutcracker file', () => {
  const files = readdirSync(FIXTURES).filter((name) => name.endsWith('.yml'))

  test.each(files)('%s: every pool owns its keys as in nutcracker', (name) => {
    const imported = load(name)
    for (const { pool, keys, equal, example } of prove(stringify(imported.options), imported, KEYS))
      if (pool !== 'tagged')
        expect([pool, equal, example]).toEqual([pool, pool === 'random' ? 0 : keys, undefined])
  })

  test('keeps hash, hash tag, names, weights and addresses', () => {
    expect(load('named-and-tagged.yml').options).toEqual({
      pools: {
        carts: {
          protocol: 'redis',
          placement: { type: 'ketama', keyHash: 'md5', hashTags: true },
          backends: [
            { url: 'redis://cache-host-1:6379', id: 'cart-one' },
            { url: 'redis://cache-host-2:6379', id: 'cart-two' },
            { url: 'redis://cache-host-3.example:6380', id: 'c3', weight: 3 },
          ],
        },
      },
      listeners: [{ protocol: 'redis', bind: '0.0.0.0:22122', pool: 'carts' }],
    })
  })

  test('names servers on port 11211 as nutcracker does, and those that are named so as they are', () => {
    const { pools } = load('memcached-port.yml').options
    expect(pools?.['legacy']).toMatchObject({
      placement: { type: 'ketama', keyHash: 'crc32a', defaultPort: 0 },
      backends: [
        { id: '10.0.0.1' },
        { id: '10.0.0.2' },
        { url: 'redis://10.0.0.3:11212' },
        { id: 'named:11211' },
      ],
    })
  })

  test('names all that it does not translate, and no secret', () => {
    const notes = load('awkward.yml').untranslated.join('\n')
    for (const setting of [
      'pool random: redis_auth is now the password of every backend',
      'tcpkeepalive: true',
      'reuse_port: true',
      'listen: "/var/run/nutcracker.sock 0660"',
      'distribution: random',
      'pool tagged: hash_tag: "$$"',
      'pool tagged: colour is not a setting',
      'without auto_eject_hosts',
    ])
      expect(notes).toContain(setting)
    expect(notes).not.toContain('s3cret')
    expect(load('awkward.yml').options.pools?.['random']?.backends?.[0]).toEqual({
      url: 'redis://10.0.0.1:6379/3',
      password: 's3cret-of-redis',
    })
    expect(load('sessions-weighted.yml').untranslated.join('\n')).toContain('auto_eject_hosts: the')
  })

  test('of memcached servers and of Unix sockets', () => {
    const file = 'a:\n  servers:\n   - 10.0.0.1:11211:1\n   - 10.0.0.2:11211:1\n'
    const { pools } = importNutcracker(file, 'a.yml').options
    expect(pools?.['a']).toMatchObject({
      protocol: 'memcached',
      backends: [{ url: 'memcached://10.0.0.1:11211', id: '10.0.0.1' }, { id: '10.0.0.2' }],
    })
    const sockets = 'a:\n  redis: true\n  servers: [ "/tmp/a.sock:1", "/tmp/b.sock:1 named" ]\n'
    expect(importNutcracker(sockets, 'a.yml').options.pools?.['a']?.backends).toEqual([
      { url: 'unix:/tmp/a.sock', id: '/tmp/a.sock' },
      { url: 'unix:/tmp/b.sock', id: 'named' },
    ])
    expect(nutcracker('a: { servers: [ "/tmp/a.sock:1" ] }')).toMatch(/^IMPORT_UNSUPPORTED/)
  })

  test('a wrong placement is found by the proof', () => {
    const imported = load('sessions-weighted.yml')
    const yaml = stringify(imported.options).replace('fnv1a_64', 'fnv1_64')
    const [proof] = prove(yaml, imported, KEYS)
    expect(proof?.equal).toBeLessThan(9_000)
    expect(proof?.example).toBeDefined()
    // 160 points where single precision makes 156 of them.
    const large = load('twenty-five.yml')
    const doubles = stringify(large.options)
      .replace('type: ketama', 'type: hashring')
      .replace(/ +keyHash.*\n/, '')
    expect(prove(doubles, large, KEYS)[0]?.equal).toBeLessThan(10_000)
  })

  test('is refused with pool and key where nutcracker would refuse it', () => {
    expect(nutcracker('a: [')).toMatch(/^IMPORT_INVALID nutcracker\.yml: /)
    expect(nutcracker('')).toMatch(/found no pools/)
    expect(nutcracker('[]')).toMatch(/found no pools/)
    expect(nutcracker('a: 1')).toMatch(/a: found no settings/)
    expect(nutcracker('a: {}')).toMatch(/a\.servers is missing/)
    const pool = (server: string, more = '') =>
      nutcracker(`a:\n  listen: 127.0.0.1:1\n  redis: true\n${more}  servers: [ "${server}" ]\n`)
    expect(pool('10.0.0.1')).toMatch(
      /a\.servers\[0\]: found "10\.0\.0\.1"; allowed: host:port:weight/,
    )
    expect(pool('10.0.0.1:6379:0')).toMatch(/with a weight above 0/)
    expect(pool('10.0.0.1:6379:1', '  distribution: maglev\n')).toMatch(
      /distribution: found maglev/,
    )
    const twice = 'a: { redis: true, servers: ["h:1:1 x", "h:2:1 x"] }'
    expect(nutcracker(twice)).toMatch(/x is named twice/)
  })
})

describe('a file of mcrouter', () => {
  test.each(['mcrouter-simple.conf', 'mcrouter-weighted.conf'])('%s: owners by place', (name) => {
    const imported = importMcrouter(fixture(name), name)
    for (const { keys, equal } of prove(stringify(imported.options), imported, KEYS))
      expect([keys, equal]).toEqual([10_000, 10_000])
  })

  test('keeps function, weights and salt, and names routes that it does not know', () => {
    const { options, untranslated } = importMcrouter(fixture('mcrouter-weighted.conf'), 'm.json')
    expect(options.pools?.['main']).toMatchObject({
      placement: { type: 'mcrouter', hashFunction: 'WeightedCh3', salt: 's1' },
      backends: [{ weight: 0.25 }, {}, { weight: 0.9 }, { weight: 0.5 }],
    })
    const notes = untranslated.join('\n')
    expect(notes).toMatch(/OperationSelectorRoute is not translated/)
    expect(notes).toMatch(/pool spare: no route hashes over it/)
    expect(notes).toMatch(/timeouts is not translated/)
  })
})

describe('routes of mcrouter', () => {
  const servers = (n: number) => ({ servers: [`10.0.${n}.1:11211`, `10.0.${n}.2:11211`] })
  const pools = { a: servers(0), b: servers(1), c: servers(2) }
  const load = (route: unknown) => importMcrouter(JSON.stringify({ pools, route }), 'm.json')
  const prefixed = {
    type: 'PrefixSelectorRoute',
    policies: {
      'user:': { type: 'FailoverRoute', children: ['PoolRoute|b', 'PoolRoute|c'] },
    },
    wildcard: {
      type: 'PoolRoute',
      pool: 'a',
      shadows: [{ target: 'PoolRoute|c', key_fraction_range: [0, 0.25] }],
    },
  }

  test('become prefixes, failover and shadow where they mean the same', () => {
    const imported = load(prefixed)
    const { options, untranslated } = imported
    expect(options.pools).toMatchObject({
      a: { shadow: { pool: 'c', percent: 25 } },
      b: { failover: 'c', failoverTtlMs: 60_000 },
    })
    expect(options.listeners).toEqual([
      {
        protocol: 'memcached',
        bind: '127.0.0.1:11311',
        pool: 'a',
        routes: [{ prefix: 'user:', pool: 'b' }],
      },
    ])
    expect(untranslated).toEqual([
      'the address of the listener is not in the file of mcrouter: 127.0.0.1:11311 is written',
    ])
    for (const { keys, equal } of prove(stringify(options), imported, KEYS))
      expect(equal).toBe(keys)
    expect(load(prefixed.policies['user:']).options.pools?.['b']).toMatchObject({ failover: 'c' })
  })

  test('are named where they do not', () => {
    const noted = (route: unknown) => {
      const { options, untranslated } = load(route)
      expect(options.listeners).toBeUndefined()
      expect(JSON.stringify(options)).not.toMatch(/failover|shadow/)
      return untranslated.join('\n')
    }
    const { wildcard, policies } = prefixed
    expect(noted({ ...prefixed, wildcard: undefined })).toMatch(/PrefixSelectorRoute is not trans/)
    const plain = { ...policies, 'b:': 'PoolRoute|b' }
    expect(noted({ ...prefixed, policies: plain })).toMatch(/FailoverRoute is not translated/)
    const three = ['PoolRoute|a', 'PoolRoute|b', 'PoolRoute|c']
    expect(noted({ type: 'FailoverRoute', children: three })).toMatch(/FailoverRoute is not/)
    const errors = { type: 'FailoverRoute', children: three.slice(1), failover_errors: ['busy'] }
    expect(noted(errors)).toMatch(/FailoverRoute is not translated/)
    const shadows = [{ target: 'PoolRoute|c', index_range: [0, 0] }]
    expect(noted({ ...wildcard, shadows })).toMatch(/pool a: shadows are not translated/)
    const outer = { type: 'OperationSelectorRoute', default_policy: prefixed }
    expect(noted(outer)).toMatch(/OperationSelectorRoute is not.*\n.*PrefixSelectorRoute is not/)
  })
})

test('a file of mcrouter that is none is refused', () => {
  const fault = (text: string) => faultOf(() => importMcrouter(text, 'm.json'))
  expect(fault('{')).toMatch(/^IMPORT_INVALID m\.json: /)
  expect(fault('{}')).toMatch(/pools is missing/)
  expect(fault('{"pools":{"A":{}}}')).toMatch(/pools\.A\.servers is missing/)
})
