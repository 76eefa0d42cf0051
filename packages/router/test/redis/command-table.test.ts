import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeCommand } from '../../src/codec/resp/encode.ts'
import { DECODED, RequestDecoder } from '../../src/codec/resp/request-decoder.ts'
import { DEFAULT_LIMITS } from '../../src/limits.ts'
import { commandOf, findRedisCommand, findSubcommand } from '../../src/plan/command-index.ts'
import { findKeys } from '../../src/plan/command-keys.ts'
import { elementsOf } from '../../src/plan/gather.ts'
import type { RedisCommand } from '../../src/plan/redis-command.ts'
import { REDIS_COMMANDS } from '../../src/plan/redis-commands.ts'
import { frameOf } from '../testing/frame.ts'
import { RedisClient } from '../testing/redis-client.ts'
import { missingRedis, type RedisServer, startRedisAlone } from '../testing/redis-server.ts'

/** A command as `COMMAND` describes it. */
interface Described {
  readonly name: string
  readonly arity: number
  readonly subcommands: readonly Described[]
}

function describedBy(reply: Buffer): Described {
  const fields = elementsOf(reply) ?? []
  return {
    name: textOf(fields[0]),
    arity: Number(textOf(fields[1])),
    subcommands: (elementsOf(fields[9] ?? Buffer.alloc(0)) ?? []).map(describedBy),
  }
}

function textOf(reply: Buffer | undefined): string {
  const text = reply?.toString('latin1') ?? ''
  return text.startsWith('$') ? (text.split('\r\n')[1] ?? '') : text.slice(1, -2)
}

const rowOf = (name: string) => {
  const bytes = Buffer.from(name)
  return findRedisCommand(bytes, 0, bytes.length)
}

describe.skipIf(missingRedis() !== undefined)('the table of commands, beside a real server', () => {
  let server: RedisServer
  let client: RedisClient
  let described: readonly Described[]
  beforeAll(async () => {
    server = await startRedisAlone()
    client = new RedisClient(server.port)
    described = (elementsOf(Buffer.from(await client.ask('COMMAND'), 'latin1')) ?? []).map(
      describedBy,
    )
  })
  afterAll(async () => {
    client.socket.destroy()
    await server.kill()
  })

  it('has every command that the server lists, with its arity', () => {
    expect(described.length).toBeGreaterThan(200)
    for (const { name, arity } of described)
      expect([name, rowOf(name)?.arity]).toEqual([name, arity])
  })

  it('has every subcommand, where the container is not refused or answered as a whole', () => {
    for (const { name, subcommands } of described) {
      const row = rowOf(name)
      if (row?.run.type !== 'container') continue
      for (const sub of subcommands) {
        const [, word = ''] = sub.name.split('|')
        expect([sub.name, findSubcommand(row, word)?.arity]).toEqual([sub.name, sub.arity])
      }
    }
  })

  it('gives a reason for every command that it refuses', () => {
    for (const { name, run } of REDIS_COMMANDS)
      if (run.type === 'refused') expect([name, run.reason]).not.toEqual([name, ''])
  })

  it('finds the keys that COMMAND GETKEYS finds', async () => {
    const known = new Set(
      described.flatMap(({ name, subcommands }) => [name, ...subcommands.map((sub) => sub.name)]),
    )
    const rows = REDIS_COMMANDS.filter(({ name, keys }) => keys.type !== 'none' && known.has(name))
    expect(rows.length).toBeGreaterThan(150)
    const commands = fc
      .constantFrom(...rows)
      .chain((row) => fc.tuple(fc.constant(row), argumentsOf(row)))
    await fc.assert(
      fc.asyncProperty(fc.array(commands, { minLength: 40, maxLength: 40 }), async (cases) => {
        const asked = cases.map(([row, args]) => [...row.name.split('|'), ...args])
        client.send(...asked.map((words) => ['COMMAND', 'GETKEYS', ...words]))
        const replies = await client.replies(asked.length)
        for (const [i, words] of asked.entries()) {
          const theirs = keysIn(replies[i] ?? '')
          // What Redis cannot take apart is refused here or has no owner; it never has another one.
          if (theirs !== undefined) expect([words, ourKeys(words)]).toEqual([words, theirs])
        }
      }),
      { numRuns: 60 },
    )
  })
})

function keysIn(reply: string): readonly string[] | undefined {
  if (reply.startsWith('-ERR The command has no key arguments')) return []
  if (reply.startsWith('-')) return undefined
  return (elementsOf(Buffer.from(reply, 'latin1')) ?? []).map(textOf)
}

function ourKeys(words: readonly string[]): readonly string[] | string {
  const decoder = new RequestDecoder(DEFAULT_LIMITS)
  const bytes = encodeCommand(words.map((word) => Buffer.from(word)))
  if (decoder.next(bytes, 0, bytes.length) !== DECODED.frame) return 'no frame'
  const command = commandOf(decoder.frame)
  if (command === undefined) return 'no row'
  const found = findKeys(command.keys, frameOf(...words), command.name)
  if (found.type === 'error') return found.text
  return found.indexes.map((at) => words[at] ?? '')
}

const word = fc.constantFrom(
  'a',
  'k1',
  'k2',
  '{t}x',
  '7',
  'GET',
  'BY',
  'LIMIT',
  'COUNT',
  'STORE',
  'ASC',
  '#',
)
const key = fc.constantFrom('a', 'b', 'c', '{t}1', '{t}2', 'STORE', 'COUNT')

/** Arguments that the command could have, most of them well-formed. */
function argumentsOf(row: RedisCommand): fc.Arbitrary<readonly string[]> {
  const least = Math.abs(row.arity) - row.name.split('|').length
  const { keys } = row
  const plain = (more: number) =>
    fc.array(word, { minLength: least, maxLength: row.arity > 0 ? least : least + more })
  switch (keys.type) {
    case 'range':
      return plain(keys.last < 0 ? 6 : 3).filter((args) => {
        const values = args.length - (keys.first - 1)
        return keys.step === 1 || values % keys.step === 0
      })
    case 'counted':
      return fc
        .tuple(
          fc.array(word, { minLength: keys.at - 1, maxLength: keys.at - 1 }),
          fc.array(key, { minLength: keys.optional ? 0 : 1, maxLength: 4 }),
          fc.array(word, { minLength: 1, maxLength: 3 }),
        )
        .map(([before, names, after]) => [...before, String(names.length), ...names, ...after])
        .filter((args) => args.length >= least)
    case 'option':
    case 'sorting':
      return (
        fc
          .tuple(plain(2), fc.boolean(), key, fc.array(word, { maxLength: 2 }))
          .map(([args, stored, name, more]) => {
            const [option = 'GET'] = keys.options
            return stored ? [...args, option, name, ...more] : args
          })
          // Of several STOREs GETKEYS tells the first or the last, as its versions differ.
          .filter((args) => args.filter((arg) => arg === 'STORE').length < 2)
      )
    case 'streams':
      return fc
        .tuple(fc.boolean(), fc.boolean(), fc.array(key, { minLength: 1, maxLength: 3 }))
        .map(([count, block, names]) => [
          ...(row.name === 'xreadgroup' ? ['GROUP', 'STREAMS', 'BLOCK'] : []),
          ...(count ? ['COUNT', '2'] : []),
          ...(block ? ['BLOCK', '0'] : []),
          'STREAMS',
          ...names,
          ...names.map(() => '0'),
        ])
    case 'none':
      return fc.constant([])
    default:
      return keys satisfies never
  }
}
