import { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { GREETING_BYTES_MAX, GreetingReader, writeGreeting } from '../../src/hyperswarm/greeting.ts'
import {
  createSwarmDiscovery,
  type Swarm,
  type SwarmConnection,
  type SwarmDiscovery,
} from '../../src/hyperswarm/index.ts'
import { createMemberlist, type Memberlist } from '../../src/index.ts'

// The packages bring no types; these are the parts that the test uses.
const require = createRequire(import.meta.url)
const createTestnet = require('hyperdht/testnet') as (
  size: number,
  options: { host: string },
) => Promise<Testnet>
const Hyperswarm = require('hyperswarm') as new (options: { dht: unknown }) => Swarm
interface Testnet {
  createNode(options: { host: string }): unknown
  destroy(): Promise<void>
}

const WAIT = { timeout: 60_000, interval: 50 }
const ADDRESS = { host: '10.0.0.5', port: 7946 }

describe('a greeting', () => {
  it('is read in any pieces', () => {
    const bytes = writeGreeting({ host: 'fe80::1', port: 65_535 })
    expect(bytes.length).toBeLessThan(GREETING_BYTES_MAX)
    fc.assert(
      fc.property(fc.integer({ min: 1, max: bytes.length }), (size) => {
        const reader = new GreetingReader()
        let last: unknown
        for (let at = 0; at < bytes.length; at += size)
          last = reader.push(bytes.subarray(at, at + size))
        expect(last).toEqual({ host: 'fe80::1', port: 65_535 })
      }),
    )
  })

  it.each([
    ['rubbish\n', 'bad'],
    ['null\n', 'bad'],
    ['{"ringway":2,"gossip":"10.0.0.5:7946"}\n', 'bad'],
    ['{"ringway":1,"gossip":"example.com:7946"}\n', 'bad'],
    ['{"ringway":1,"gossip":"10.0.0.5:0"}\n', 'bad'],
    ['{"ringway":1,"gossip":["10.0.0.5:7946"]}\n', 'bad'],
    ['x'.repeat(GREETING_BYTES_MAX - 1), 'more'],
    ['x'.repeat(GREETING_BYTES_MAX), 'bad'],
    ['x'.repeat(GREETING_BYTES_MAX + 1), 'bad'],
  ])('%j is %s', (text, verdict) => {
    expect(new GreetingReader().push(Buffer.from(text))).toBe(verdict)
  })

  it('never throws, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        new GreetingReader().push(bytes)
        new GreetingReader().push(Buffer.concat([bytes, Buffer.from('\n')]))
      }),
    )
  })
})

class FakeConnection extends EventEmitter implements SwarmConnection {
  readonly written: string[] = []
  isDestroyed = false
  write(bytes: Uint8Array): void {
    this.written.push(Buffer.from(bytes).toString())
  }
  destroy(): void {
    if (this.isDestroyed) return
    this.isDestroyed = true
    this.emit('close')
  }
}

async function discoveryWith(): Promise<{
  discovery: SwarmDiscovery
  connect: () => FakeConnection
}> {
  const swarm = new EventEmitter() as EventEmitter & Swarm
  Object.assign(swarm, {
    join: () => ({ refresh: async () => undefined }),
    destroy: async () => undefined,
  })
  const discovery = await createSwarmDiscovery({ topic: 'test', address: ADDRESS, swarm })
  const connect = () => {
    const connection = new FakeConnection()
    swarm.emit('connection', connection)
    return connection
  }
  return { discovery, connect }
}
const greeting = (last: number) => writeGreeting({ host: `10.0.1.${last}`, port: 1 })

describe('a swarm', () => {
  it('tells each peer our address, and brings theirs until they are gone', async () => {
    const { connect, discovery } = await discoveryWith()
    const changed = vi.fn()
    const release = discovery.onChange(changed)
    const peer = connect()
    expect(peer.written).toEqual(['{"ringway":1,"gossip":"10.0.0.5:7946"}\n'])
    expect(discovery.seeds()).toEqual([])
    peer.emit('data', greeting(1))
    connect().emit('data', greeting(1))
    expect(discovery.seeds()).toEqual(['10.0.1.1:1'])
    expect(changed).toHaveBeenCalledTimes(2)
    release()
    peer.destroy()
    const third = connect()
    third.emit('data', greeting(2))
    third.emit('error')
    expect(discovery.seeds()).toEqual(['10.0.1.1:1'])
    await discovery.close()
    expect(discovery.seeds()).toEqual([])
    expect(connect().isDestroyed).toBe(true)
  })

  it('lets peers go that say something else, or more, or nothing', async () => {
    vi.useFakeTimers()
    try {
      const { connect, discovery } = await discoveryWith()
      const [wrong, talkative, silent] = [connect(), connect(), connect()]
      wrong.emit('data', Buffer.from('GET / HTTP/1.1\r\n\r\n'))
      talkative.emit('data', greeting(1))
      talkative.emit('data', greeting(2))
      expect([wrong, talkative, silent].map((peer) => peer.isDestroyed)).toEqual([
        true,
        true,
        false,
      ])
      vi.advanceTimersByTime(10_000)
      expect(silent.isDestroyed).toBe(true)
      expect(discovery.seeds()).toEqual([])
    } finally {
      vi.useRealTimers()
    }
  })

  it('takes 64 peers and not one more', async () => {
    const { connect, discovery } = await discoveryWith()
    const peers = Array.from({ length: 64 }, connect)
    for (const [index, peer] of peers.entries()) peer.emit('data', greeting(index))
    expect(connect().isDestroyed).toBe(true)
    expect(discovery.seeds()).toHaveLength(64)
    await discovery.close()
  })

  it('needs a topic', async () => {
    await expect(createSwarmDiscovery({ topic: '', address: ADDRESS })).rejects.toMatchObject({
      code: 'GOSSIP_OPTION_INVALID',
    })
  })
})

describe('members that meet on a topic of a DHT of their own', () => {
  const closing: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close()
  })

  it('find each other and become a cluster', async () => {
    const testnet = await createTestnet(3, { host: '127.0.0.1' })
    closing.push(() => testnet.destroy())
    const start = async (name: string): Promise<Memberlist> => {
      const list = await createMemberlist({
        name,
        bind: { host: '127.0.0.1', port: 0 },
        profile: 'local',
        tags: { v: '1', i: name },
      })
      closing.push(() => list.close())
      const dht = testnet.createNode({ host: '127.0.0.1' })
      const swarm = new Hyperswarm({ dht })
      const source = await createSwarmDiscovery({ topic: 'tea', address: list.address, swarm })
      closing.push(() => source.close())
      list.follow(source)
      return list
    }
    const lists = [await start('a'), await start('b'), await start('c')]
    await vi.waitFor(() => {
      for (const list of lists)
        expect(list.members().filter(({ state }) => state === 'alive')).toHaveLength(3)
    }, WAIT)
  }, 90_000)
})
