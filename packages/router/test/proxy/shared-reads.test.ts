import { describe, expect, it } from 'vitest'
import { createRouter } from '../../src/index.ts'
import { bulk } from '../testing/fake-backend.ts'
import { onCleanup, startRouter, startStoreRouter } from '../testing/fixture.ts'
import { askLines, missingProgram, startMemcached } from '../testing/memcached-server.ts'
import { RedisClient } from '../testing/redis-client.ts'
import { missingRedis, startRedis } from '../testing/redis-server.ts'
import { backendAt, memcachedPool, redisPool, topologyMessage } from '../testing/topologies.ts'

// All clients are read into one buffer. Values are large enough not to be copied where bytes may be referenced, and small
// enough for a command to come in one read.
const CLIENTS = 12
const VALUE_BYTES = 20_000

/** A value that no other client has. */
function valueFrom(client: number): string {
  return String.fromCharCode(0x61 + client).repeat(VALUE_BYTES + client)
}

const noRedis = missingRedis()
const noMemcached = missingProgram('memcached')
// biome-ignore lint/suspicious/noConsole: a skipped suite says why.
if (noRedis ?? noMemcached) console.log(`skipped: tests of reads: ${noRedis ?? noMemcached}`)

describe.skipIf(noRedis !== undefined)('what Redis clients send at the same time', () => {
  it('reaches the servers as each of them sent it', async () => {
    const servers = await Promise.all([startRedis(), startRedis()])
    const { router, listener } = await startRouter()
    router.post(topologyMessage(1, redisPool(servers.map(({ port }) => backendAt(port)))))
    const clients = Array.from({ length: CLIENTS }, () => new RedisClient(listener.port))
    for (const { socket } of clients) onCleanup(() => void socket.destroy())
    // One after the other in one turn of the event loop, so that each read overwrites the one before.
    for (const [i, client] of clients.entries()) {
      const value = valueFrom(i)
      client.send(['SET', `plain${i}`, value])
      client.send(['MULTI'], ['SET', `multi${i}`, value], ['EXEC'])
      client.send(['EVAL', "return redis.call('SET', KEYS[1], ARGV[1])", '1', `eval${i}`, value])
      client.send(['PUBLISH', `channel${i}`, value], ['ECHO', value])
    }
    for (const [i, client] of clients.entries()) {
      const said = await client.replies(7)
      const set = ['+OK\r\n', '+OK\r\n', '+QUEUED\r\n', '*1\r\n+OK\r\n', '+OK\r\n', ':0\r\n']
      expect(said).toEqual([...set, bulk(valueFrom(i))])
    }
    for (const [i, client] of clients.entries())
      for (const name of ['plain', 'multi', 'eval'])
        expect(await client.ask(`GET ${name}${i}`)).toBe(bulk(valueFrom(i)))
  })

  it('stays what it was while a store pool has it', async () => {
    const kept: Uint8Array[] = []
    const { listener } = await startStoreRouter({
      dispatch: ({ args }, sink) => {
        kept.push(args[2] as Uint8Array)
        sink.reply(0, Buffer.from('+OK\r\n'))
      },
    })
    const clients = Array.from({ length: CLIENTS }, () => new RedisClient(listener.port))
    for (const { socket } of clients) onCleanup(() => void socket.destroy())
    for (const [i, client] of clients.entries()) client.send(['SET', `key${i}`, valueFrom(i)])
    for (const client of clients) expect(await client.replies(1)).toEqual(['+OK\r\n'])
    const values = kept.map((bytes) => Buffer.from(bytes).toString())
    expect(values.sort()).toEqual(clients.map((_, i) => valueFrom(i)).sort())
  })
})

describe.skipIf(noMemcached !== undefined)('what memcached clients send at the same time', () => {
  it('reaches the servers as each of them sent it', async () => {
    const servers = await Promise.all([startMemcached(), startMemcached()])
    const router = createRouter()
    onCleanup(() => router.close({ drainTimeoutMs: 0 }))
    router.post(topologyMessage(1, memcachedPool(servers.map(({ port }) => backendAt(port)))))
    const at = { host: '127.0.0.1', port: 0, pool: 'items' } as const
    const { port } = await router.listen({ protocol: 'memcached', ...at })
    await Promise.all(
      Array.from({ length: CLIENTS }, (_, i) => {
        const value = valueFrom(i)
        const base64 = Buffer.from(`base${i}`).toString('base64')
        const storing = [
          `set plain${i} 0 0 ${value.length}\r\n${value}\r\n`,
          `set quiet${i} 0 0 ${value.length} noreply\r\n${value}\r\n`,
          `ms ${base64} ${value.length} b\r\n${value}\r\n`,
        ]
        return askLines(port, `${storing.join('')}mn\r\n`, /MN\r\n$/)
      }),
    )
    for (let i = 0; i < CLIENTS; i++)
      for (const name of ['plain', 'quiet', 'base']) {
        const value = valueFrom(i)
        const expected = `VALUE ${name}${i} 0 ${value.length}\r\n${value}\r\nEND\r\n`
        expect(await askLines(port, `get ${name}${i}\r\n`, /END\r\n$/)).toBe(expected)
      }
  })
})
