import { slotOf } from '@ringway/ring'
import { describe, expect, it } from 'vitest'
import { commandOf, findRedisCommand } from '../../src/plan/command-index.ts'
import { type Placement, planRedis } from '../../src/plan/plan-redis.ts'
import { REDIS_COMMANDS } from '../../src/plan/redis-commands.ts'
import { frameOf } from '../testing/frame.ts'

/** Two owners, by the parity of the slot: `foo` (12182) → 0, `bar` (5061) → 1, `a` (15495) → 1, `b` (3300) → 0. */
const POOL: Placement = {
  whole: false,
  positionOf: (bytes, from, to) => slotOf(bytes.slice(from, to)),
  ownerOf: (position) => position % 2,
}
const STORE: Placement = { ...POOL, whole: true, ownerOf: (position) => position }

function plan(args: string, placement = POOL) {
  const frame = frameOf(...args.split(' '))
  return planRedis(commandOf(frame), frame, placement)
}

function parts(args: string, placement = POOL) {
  const found = plan(args, placement)
  if (found.type !== 'split') return found
  return found.parts.map(({ ordinals, bytes }) => ({
    ordinals,
    words: bytes
      .toString()
      .split('\r\n')
      .filter((_, i) => i > 0 && i % 2 === 0),
  }))
}

const errorText = (args: string) => {
  const found = plan(args)
  return found.type === 'error' ? found.text : found.type
}

describe('planRedis', () => {
  it('sends a command with one key to its owner, whatever the case of its name', () => {
    expect(plan('GET foo')).toEqual({ type: 'owner', keyIndex: 1 })
    expect(plan('sEt foo 1 EX 5')).toEqual({ type: 'owner', keyIndex: 1 })
    expect(plan('OBJECT ENCODING foo')).toEqual({ type: 'owner', keyIndex: 2 })
    expect(plan('XREAD COUNT 1 STREAMS foo 0')).toEqual({ type: 'owner', keyIndex: 4 })
  })

  it('makes the same plan object for each command with one key', () => {
    expect(plan('GET foo')).toBe(plan('INCR bar'))
  })

  it('splits MGET, MSET and DEL by owner and remembers the order of the keys', () => {
    expect(parts('MGET foo bar b a')).toEqual([
      { ordinals: [0, 2], words: ['MGET', 'foo', 'b'] },
      { ordinals: [1, 3], words: ['MGET', 'bar', 'a'] },
    ])
    expect(parts('MSET foo 1 bar 2 b 3')).toEqual([
      { ordinals: [0, 2], words: ['MSET', 'foo', '1', 'b', '3'] },
      { ordinals: [1], words: ['MSET', 'bar', '2'] },
    ])
    for (const name of ['DEL', 'UNLINK', 'EXISTS', 'TOUCH'])
      expect(plan(`${name} foo bar`)).toMatchObject({ type: 'split', gather: 'sum' })
  })

  it('splits by slot for the embedded store', () => {
    expect(parts('MGET foo b {foo}2', STORE)).toEqual([
      { ordinals: [0, 2], words: ['MGET', 'foo', '{foo}2'] },
      { ordinals: [1], words: ['MGET', 'b'] },
    ])
  })

  it('does not split keys with one hash tag', () => {
    expect(plan('MGET {t}a {t}b')).toEqual({ type: 'owner', keyIndex: 1 })
  })

  it('refuses other commands whose keys are not together, in the words of Redis Cluster', () => {
    for (const args of [
      'SINTER foo bar',
      'RENAME foo bar',
      'MSETNX foo 1 bar 2',
      'ZUNIONSTORE foo 1 bar',
      'SORT foo STORE bar',
      'LMPOP 2 foo bar LEFT',
      'XREAD STREAMS foo bar 0 0',
    ])
      expect(errorText(args)).toBe("CROSSSLOT Keys in request don't hash to the same slot")
    for (const args of ['SINTER {t}1 {t}2', 'ZUNIONSTORE {t}1 1 {t}2', 'SORT {t}1 STORE {t}2'])
      expect(plan(args)).toMatchObject({ type: 'owner' })
  })

  it('asks every backend, or the store as a whole', () => {
    expect(plan('FLUSHALL')).toEqual({ type: 'all', gather: 'all-ok' })
    expect(plan('DBSIZE')).toEqual({ type: 'flow', flow: 'dbsize', keyIndex: -1 })
    expect(plan('KEYS *', STORE)).toEqual({ type: 'owner', keyIndex: -1 })
    expect(plan('KEYS *')).toEqual({ type: 'flow', flow: 'keys', keyIndex: -1 })
    expect(plan('FLUSHALL', STORE)).toEqual({ type: 'owner', keyIndex: -1 })
    expect(plan('SCAN 0', STORE)).toEqual({ type: 'owner', keyIndex: -1 })
  })

  it('answers for the connection itself', () => {
    for (const args of ['PING', 'HELLO 3', 'CLIENT ID', 'COMMAND', 'SELECT 0'])
      expect(plan(args)).toEqual({ type: 'here' })
  })

  it('names the command that it does not route, and why', () => {
    expect(errorText('SHUTDOWN')).toMatch(/^ERR command 'shutdown' is not routed: /)
  })

  it("answers unknown commands and wrong arguments in Redis's words", () => {
    expect(errorText('FOO a b')).toBe(
      "ERR unknown command 'FOO', with args beginning with: 'a' 'b' ",
    )
    expect(errorText('GET')).toBe("ERR wrong number of arguments for 'get' command")
    expect(errorText('GET a b')).toBe("ERR wrong number of arguments for 'get' command")
    expect(errorText('MSET a 1 b')).toBe("ERR wrong number of arguments for 'mset' command")
    expect(errorText('OBJECT')).toBe("ERR wrong number of arguments for 'object' command")
    expect(errorText('OBJECT FOO')).toBe("ERR unknown subcommand 'FOO'. Try OBJECT HELP.")
    expect(errorText('OBJECT FREQ')).toBe("ERR wrong number of arguments for 'object|freq' command")
    expect(errorText('ZUNION 0 foo')).toBe(
      "ERR at least 1 input key is needed for 'zunion' command",
    )
    expect(errorText('ZUNION 3 foo')).toBe('ERR syntax error')
    expect(errorText('XREAD STREAMS foo bar 0')).toMatch(/^ERR Unbalanced/)
  })

  it('cuts an unknown command of any length and content to one short line', () => {
    const text = errorText(`${'x'.repeat(5_000)}\r\n ${'y'.repeat(5_000)}`)
    expect(text.length).toBeLessThan(400)
    expect(text).not.toMatch(/[\r\n]/)
  })
})

describe('the table of commands', () => {
  it('is found by name, in any case, and by nothing else', () => {
    for (const command of REDIS_COMMANDS.filter(({ name }) => !name.includes('|')))
      for (const text of [command.name, command.name.toUpperCase()]) {
        const bytes = Buffer.from(`.${text}.`)
        expect(findRedisCommand(bytes, 1, bytes.length - 1)).toBe(command)
        expect(findRedisCommand(bytes, 0, bytes.length)).toBeUndefined()
      }
    expect(findRedisCommand(Buffer.alloc(100_000, 0x61), 0, 100_000)).toBeUndefined()
  })

  it('lets only reads be sent twice', () => {
    for (const { access, retry } of REDIS_COMMANDS) expect(retry === 'safe').toBe(access === 'read')
  })

  it('gives every routed command its keys', () => {
    for (const { run, keys } of REDIS_COMMANDS)
      if (run.type === 'owner' || run.type === 'split') expect(keys.type).not.toBe('none')
  })
})
