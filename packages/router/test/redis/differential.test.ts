import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createRouter, type Router } from '../../src/index.ts'
import { RedisClient } from '../testing/redis-client.ts'
import { missingRedis, type RedisServer, startRedisAlone } from '../testing/redis-server.ts'
import { backendAt, redisPool, topologyMessage } from '../testing/topologies.ts'
import { GROUPS } from './command-groups.ts'
import { commandLists } from './random-commands.ts'

/**
 * Each command goes to one server and through the router to three; the replies have to be the same bytes. Commands are
 * grouped as Redis groups its own tests.
 */
describe.skipIf(missingRedis() !== undefined)(
  'beside one real server, the router over three',
  () => {
    let servers: readonly RedisServer[] = []
    let router: Router
    let direct: RedisClient
    let routed: RedisClient

    beforeAll(async () => {
      servers = await Promise.all(Array.from({ length: 4 }, () => startRedisAlone()))
      const [alone, ...fleet] = servers as [RedisServer, ...RedisServer[]]
      router = createRouter()
      router.post(topologyMessage(1, redisPool(fleet.map(({ port }) => backendAt(port)))))
      const listener = await router.listen({
        protocol: 'redis',
        host: '127.0.0.1',
        port: 0,
        pool: 'cache',
      })
      direct = new RedisClient(alone.port)
      routed = new RedisClient(listener.port)
    })
    beforeEach(async () => {
      for (const client of [direct, routed]) {
        await client.ask('RESET')
        await client.ask('FLUSHALL')
        await client.ask('SCRIPT FLUSH')
      }
    })
    afterAll(async () => {
      direct.socket.destroy()
      routed.socket.destroy()
      await router.close({ drainTimeoutMs: 1 })
      await Promise.all(servers.map((server) => server.kill()))
    })

    async function both(commands: readonly (readonly string[])[]) {
      direct.send(...commands)
      routed.send(...commands)
      const replies = await Promise.all([
        direct.replies(commands.length),
        routed.replies(commands.length),
      ])
      return replies.map((each) =>
        each.map((reply, i) => [commands[i]?.join(' '), normal(reply, commands[i])]),
      )
    }

    for (const [group, lines] of Object.entries(GROUPS))
      it(`${group}: answers as one server does, in RESP2 and RESP3`, async () => {
        const commands = lines
          .trim()
          .split('\n')
          .map((line) => wordsOf(line.trim()))
        for (const version of ['2', '3']) {
          const [theirs, ours] = await both([['FLUSHALL'], ...commands])
          expect([version, ours]).toEqual([version, theirs])
          await direct.ask('HELLO 3')
          await routed.ask('HELLO 3')
        }
      })

    it('answers random commands as one server does', async () => {
      await fc.assert(
        fc.asyncProperty(commandLists, async (commands) => {
          const [theirs, ours] = await both([['FLUSHALL'], ...commands])
          expect(ours).toEqual(theirs)
        }),
        { numRuns: 60 },
      )
    })
  },
)

/** Words of a line; "quotes" keep spaces together. */
function wordsOf(line: string): string[] {
  return (line.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^"|"$/g, ''))
}

/** Commands whose elements have no order of their own, and a list in any order is a right reply. */
const UNORDERED = new Set([
  'KEYS',
  'SMEMBERS',
  'SINTER',
  'SUNION',
  'SDIFF',
  'HKEYS',
  'HVALS',
  'HGETALL',
])

function normal(reply: string, words: readonly string[] = []): string {
  const name = words[0]?.toUpperCase() ?? ''
  if (!UNORDERED.has(name)) return reply
  const [head, ...rest] = reply.split(/(?=[$])/)
  return [head, ...rest.sort()].join('')
}
