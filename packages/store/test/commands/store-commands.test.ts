import { describe, expect, it } from 'vitest'
import { findStoreCommand, STORE_COMMANDS } from '../../src/core/commands/store-commands.ts'
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../../src/core/table/limits.ts'
import { bytes, CommandHost, commandOf, text } from './command-kit.ts'

const NOW = 1_700_000_000_000

/** A story: each line a command and the reply that Redis documents for it. */
type Story = readonly (readonly [command: string, reply: string])[]

const NIL = '$-1\r\n'
const OK = '+OK\r\n'
const int = (n: number | bigint): string => `:${n}\r\n`
const bulk = (value: string): string => `$${value.length}\r\n${value}\r\n`
const err = (message: string): string => `-ERR ${message}\r\n`
const SYNTAX = err('syntax error')
const NOT_INTEGER = err('value is not an integer or out of range')
const TOO_LONG = err('string exceeds maximum allowed size (proto-max-bulk-len)')

const STORIES: Readonly<Record<string, Story>> = {
  'GET and SET': [
    ['GET k', NIL],
    ['SET k hello', OK],
    ['GET k', bulk('hello')],
    ['SET k ""', OK],
    ['GET k', bulk('')],
  ],
  'SET with conditions': [
    ['SET k 1 XX', NIL],
    ['SET k 1 NX', OK],
    ['SET k 2 nx', NIL],
    ['GET k', bulk('1')],
    ['SET k 3 xx GET', bulk('1')],
    ['SET k 4 NX GET', bulk('3')],
    ['GET k', bulk('3')],
    ['SET new 1 XX GET', NIL],
    ['SET new 1 NX GET', NIL],
    ['GET new', bulk('1')],
    ['SET k 1 NX XX', SYNTAX],
    ['SET k 1 XX NX', SYNTAX],
    ['SET k 1 BOGUS', SYNTAX],
  ],
  'SET with a time': [
    ['SET k v EX 10', OK],
    ['PTTL k', int(10_000)],
    ['SET k v KEEPTTL', OK],
    ['TTL k', int(10)],
    ['SET k v PX 1500', OK],
    ['TTL k', int(2)],
    ['SET k v PXAT 1700000009000', OK],
    ['PTTL k', int(9_000)],
    ['SET k v EXAT 1700000007', OK],
    ['PEXPIRETIME k', int(1_700_000_007_000)],
    ['SET k v', OK],
    ['TTL k', int(-1)],
    ['SET k v EX', SYNTAX],
    ['SET k v EX 10 PX 10', SYNTAX],
    ['SET k v EX 10 KEEPTTL', SYNTAX],
    ['SET k v KEEPTTL EX 10', SYNTAX],
    ['SET k v PERSIST', SYNTAX],
    ['SET k v EX 0', err("invalid expire time in 'set' command")],
    ['SET k v PX -1', err("invalid expire time in 'set' command")],
    ['SET k v EX 9223372036854775807', err("invalid expire time in 'set' command")],
    ['SET k v PX 9223372036854775807', err("invalid expire time in 'set' command")],
    ['SET k v EX 9223372036854775808', NOT_INTEGER],
    ['SET k v EX abc', NOT_INTEGER],
    ['SET k v EX 5 EX 7', OK],
    ['TTL k', int(7)],
    ['SET k v PXAT 1000', OK],
    ['EXISTS k', int(0)],
    ['SET k v PXAT 1000', OK],
    ['EXISTS k', int(0)],
  ],
  'SETNX, SETEX, PSETEX, GETSET, GETDEL': [
    ['SETNX k a', int(1)],
    ['SETNX k b', int(0)],
    ['SETEX k 10 c', OK],
    ['TTL k', int(10)],
    ['SETEX k 0 c', err("invalid expire time in 'setex' command")],
    ['PSETEX k -5 c', err("invalid expire time in 'psetex' command")],
    ['PSETEX k 700 d', OK],
    ['PTTL k', int(700)],
    ['GETSET k e', bulk('d')],
    ['TTL k', int(-1)],
    ['GETDEL k', bulk('e')],
    ['GETDEL k', NIL],
    ['GETSET k f', NIL],
    ['GET k', bulk('f')],
  ],
  GETEX: [
    ['GETEX k EX 0', NIL],
    ['GETEX k BOGUS', SYNTAX],
    ['SET k v', OK],
    ['GETEX k', bulk('v')],
    ['GETEX k EX 100', bulk('v')],
    ['TTL k', int(100)],
    ['GETEX k', bulk('v')],
    ['TTL k', int(100)],
    ['GETEX k PERSIST', bulk('v')],
    ['TTL k', int(-1)],
    ['GETEX k EX 10 PERSIST', SYNTAX],
    ['GETEX k PERSIST EX 10', SYNTAX],
    ['GETEX k NX', SYNTAX],
    ['GETEX k EX 0', err("invalid expire time in 'getex' command")],
    ['GETEX k PXAT 5', bulk('v')],
    ['GET k', NIL],
  ],
  'APPEND and STRLEN': [
    ['STRLEN k', int(0)],
    ['APPEND k Hello', int(5)],
    ['EXPIRE k 9', int(1)],
    ['APPEND k World', int(10)],
    ['APPEND k ""', int(10)],
    ['GET k', bulk('HelloWorld')],
    ['STRLEN k', int(10)],
    ['TTL k', int(9)],
  ],
  'GETRANGE and SETRANGE': [
    ['GETRANGE k 0 -1', bulk('')],
    ['SET k HelloWorld EX 50', OK],
    ['GETRANGE k 0 3', bulk('Hell')],
    ['GETRANGE k -3 -1', bulk('rld')],
    ['SUBSTR k 0 -1', bulk('HelloWorld')],
    ['GETRANGE k 7 100', bulk('rld')],
    ['GETRANGE k 5 3', bulk('')],
    ['GETRANGE k -1 -3', bulk('')],
    ['GETRANGE k -100 0', bulk('H')],
    ['GETRANGE k -9223372036854775808 9223372036854775807', bulk('HelloWorld')],
    ['GETRANGE k 0 x', NOT_INTEGER],
    ['SETRANGE k 5 Redis', int(10)],
    ['GET k', bulk('HelloRedis')],
    ['TTL k', int(50)],
    ['SETRANGE k 12 !', int(13)],
    ['GET k', bulk('HelloRedis\0\0!')],
    ['SETRANGE k -1 x', err('offset is out of range')],
    ['SETRANGE k x x', NOT_INTEGER],
    ['SETRANGE k 100 ""', int(13)],
    ['SETRANGE none 100 ""', int(0)],
    ['EXISTS none', int(0)],
    [`SETRANGE k ${VALUE_BYTES_MAX} x`, TOO_LONG],
    ['SETRANGE k 9223372036854775807 x', TOO_LONG],
    ['SETRANGE none 2 ab', int(4)],
    ['GET none', bulk('\0\0ab')],
  ],
  counters: [
    ['INCR k', int(1)],
    ['INCRBY k 10', int(11)],
    ['DECR k', int(10)],
    ['DECRBY k 25', int(-15)],
    ['EXPIRE k 9', int(1)],
    ['DECRBY k -15', int(0)],
    ['GET k', bulk('0')],
    ['TTL k', int(9)],
    ['SET k 9223372036854775806', OK],
    ['INCR k', int(9223372036854775807n)],
    ['INCR k', err('increment or decrement would overflow')],
    ['DECRBY k 9223372036854775807', int(0)],
    ['DECRBY k -9223372036854775808', err('decrement would overflow')],
    ['SET k -9223372036854775808', OK],
    ['DECR k', err('increment or decrement would overflow')],
    ['INCRBY k 9223372036854775807', int(-1)],
    ['SET k 9007199254740991', OK],
    ['INCR k', int(9007199254740992n)],
    ['INCR k', int(9007199254740993n)],
    ['DECRBY k 3', int(9007199254740990)],
    ['INCRBY k x', NOT_INTEGER],
    ['INCRBY k 9223372036854775808', NOT_INTEGER],
    ...['""', '+1', '01', '-0', '1.0', 'x', '9223372036854775808', '-'].flatMap(
      (value): Story => [
        [`SET k ${value}`, OK],
        ['INCR k', NOT_INTEGER],
      ],
    ),
  ],
  INCRBYFLOAT: [
    ['SET k 10.50', OK],
    ['EXPIRE k 9', int(1)],
    ['INCRBYFLOAT k 0.1', bulk('10.6')],
    ['TTL k', int(9)],
    ['INCRBYFLOAT k -5', bulk('5.6')],
    ['SET k 5.0e3', OK],
    ['INCRBYFLOAT k 2.0e2', bulk('5200')],
    ['INCRBYFLOAT none 3', bulk('3')],
    ['INCRBYFLOAT none -3', bulk('0')],
    ['INCRBYFLOAT none -1e-30', bulk('0')],
    ['INCRBYFLOAT none 0x1p-1', bulk('0.5')],
    ['INCRBYFLOAT none 1e17', bulk('100000000000000000.5')],
    ['INCRBYFLOAT none abc', err('value is not a valid float')],
    ['INCRBYFLOAT none nan', err('value is not a valid float')],
    ['INCRBYFLOAT none ""', err('value is not a valid float')],
    ['INCRBYFLOAT none 1e5000', err('value is not a valid float')],
    ['INCRBYFLOAT none 1e-5000', err('value is not a valid float')],
    ['INCRBYFLOAT none 1e999999999999', err('value is not a valid float')],
    ['INCRBYFLOAT none inf', err('increment would produce NaN or Infinity')],
    ['INCRBYFLOAT none -Infinity', err('increment would produce NaN or Infinity')],
    ['SET k x', OK],
    ['INCRBYFLOAT k 1', err('value is not a valid float')],
    ['SET k 1.1e4932', OK],
    ['INCRBYFLOAT k 1.1e4932', err('increment would produce NaN or Infinity')],
  ],
  'keys and types': [
    ['EXISTS k', int(0)],
    ['TYPE k', '+none\r\n'],
    ['TOUCH k', int(0)],
    ['DEL k', int(0)],
    ['SET k v', OK],
    ['EXISTS k', int(1)],
    ['TOUCH k', int(1)],
    ['TYPE k', '+string\r\n'],
    ['DEL k', int(1)],
    ['SET k v', OK],
    ['UNLINK k', int(1)],
    ['UNLINK k', int(0)],
  ],
  expiry: [
    ['TTL k', int(-2)],
    ['PTTL k', int(-2)],
    ['EXPIRETIME k', int(-2)],
    ['PEXPIRETIME k', int(-2)],
    ['EXPIRE k 10', int(0)],
    ['PERSIST k', int(0)],
    ['SET k v', OK],
    ['TTL k', int(-1)],
    ['PEXPIRETIME k', int(-1)],
    ['PERSIST k', int(0)],
    ['EXPIRE k 10', int(1)],
    ['TTL k', int(10)],
    ['EXPIRETIME k', int(1_700_000_010)],
    ['PEXPIRE k 1499', int(1)],
    ['TTL k', int(1)],
    ['PTTL k', int(1_499)],
    ['EXPIRETIME k', int(1_700_000_001)],
    ['PEXPIREAT k 1700000000501', int(1)],
    ['TTL k', int(1)],
    ['EXPIREAT k 1700000100', int(1)],
    ['PTTL k', int(100_000)],
    ['PERSIST k', int(1)],
    ['TTL k', int(-1)],
    ['EXPIRE k x', NOT_INTEGER],
    ['EXPIRE k 9223372036854775807', err("invalid expire time in 'expire' command")],
    ['PEXPIRE k 9223372036854775807', err("invalid expire time in 'pexpire' command")],
    ['EXPIREAT k -9223372036854775808', err("invalid expire time in 'expireat' command")],
    ['GET k', bulk('v')],
    ['PEXPIREAT k -9223372036854775808', int(1)],
    ['GET k', NIL],
    ['SET k v', OK],
    ['EXPIRE k 0', int(1)],
    ['EXISTS k', int(0)],
    ['SET k v', OK],
    ['EXPIRE k -1', int(1)],
    ['EXISTS k', int(0)],
  ],
  'conditions of EXPIRE': [
    ['SET k v', OK],
    ['EXPIRE k 10 XX', int(0)],
    ['EXPIRE k 10 GT', int(0)],
    ['EXPIRE k 10 NX', int(1)],
    ['EXPIRE k 20 NX', int(0)],
    ['EXPIRE k 5 GT', int(0)],
    ['EXPIRE k 10 gt', int(0)],
    ['EXPIRE k 11 GT', int(1)],
    ['EXPIRE k 11 LT', int(0)],
    ['EXPIRE k 8 LT XX', int(1)],
    ['TTL k', int(8)],
    ['EXPIRE k 9 XX', int(1)],
    ['PERSIST k', int(1)],
    ['EXPIRE k 30 LT', int(1)],
    ['PERSIST k', int(1)],
    ['EXPIRE k 30 LT XX', int(0)],
    ['EXPIRE k 1 NX GT', err('NX and XX, GT or LT options at the same time are not compatible')],
    ['EXPIRE k 1 NX XX', err('NX and XX, GT or LT options at the same time are not compatible')],
    ['EXPIRE k 1 GT LT', err('GT and LT options at the same time are not compatible')],
    ['EXPIRE k 1 AB', err('Unsupported option AB')],
    ['EXPIRE k x AB', err('Unsupported option AB')],
    ['EXPIRE k 1 A\r\nB\0C', err('Unsupported option A  B')],
    ['EXPIRE k -1 GT', int(0)],
    ['EXPIRE k -1 LT', int(1)],
    ['EXISTS k', int(0)],
  ],
  bits: [
    ['GETBIT k 5', int(0)],
    ['SETBIT k 7 1', int(0)],
    ['GET k', bulk('\x01')],
    ['EXPIRE k 9', int(1)],
    ['SETBIT k 7 0', int(1)],
    ['SETBIT k 7 0', int(0)],
    ['TTL k', int(9)],
    ['SETBIT k 100 0', int(0)],
    ['STRLEN k', int(13)],
    ['SETBIT k 1 2', err('bit is not an integer or out of range')],
    ['SETBIT k -1 1', err('bit offset is not an integer or out of range')],
    [`SETBIT k ${VALUE_BYTES_MAX * 8} 1`, err('bit offset is not an integer or out of range')],
    ['GETBIT k x', err('bit offset is not an integer or out of range')],
    ['SET k foobar', OK],
    ['BITCOUNT k', int(26)],
    ['BITCOUNT k 0 0', int(4)],
    ['BITCOUNT k 1 1', int(6)],
    ['BITCOUNT k 1 1 BYTE', int(6)],
    ['BITCOUNT k 5 30 BIT', int(17)],
    ['BITCOUNT k -2 -5', int(0)],
    ['BITCOUNT k 0', SYNTAX],
    ['BITCOUNT k 0 x', NOT_INTEGER],
    ['BITCOUNT k 0 1 NIBBLE', SYNTAX],
    ['BITCOUNT none 0 x', int(0)],
  ],
}

describe('the commands of the store', () => {
  for (const [name, story] of Object.entries(STORIES)) {
    it(`answer like Redis: ${name}`, () => {
      const host = new CommandHost(NOW)
      for (const [command, reply] of story) {
        expect(host.say(command), command).toBe(reply)
      }
    })
  }

  it('answer nulls in the protocol of the client', () => {
    const host = new CommandHost(NOW)
    host.resp = 3
    for (const command of ['GET k', 'GETDEL k', 'GETEX k', 'SET k v XX', 'SET k v XX GET']) {
      expect(host.say(command), command).toBe('_\r\n')
    }
    expect(host.say('GETSET k v')).toBe('_\r\n')
  })

  it('see an entry until the millisecond in which it expires', () => {
    const host = new CommandHost(NOW)
    host.say('SET k v PX 5')
    host.now = NOW + 4
    expect(host.say('GET k')).toBe(bulk('v'))
    host.now = NOW + 5
    expect(host.say('GET k')).toBe(NIL)
  })

  it('take the longest value and key, and refuse one byte more', () => {
    const longest = new Uint8Array(VALUE_BYTES_MAX)
    const longer = new Uint8Array(VALUE_BYTES_MAX + 1)
    const run = (name: string, ...args: Uint8Array[]) =>
      commandOf(name).run([bytes(name), ...args], undefined, NOW, 2)
    expect(run('set', bytes('k'), longest).type).toBe('write')
    expect(text(run('set', bytes('k'), longer).reply)).toBe(TOO_LONG)
    const current = { value: longest.subarray(1), expireAt: 0 }
    const appended = (tail: string) =>
      commandOf('append').run([bytes('append'), bytes('k'), bytes(tail)], current, NOW, 2)
    expect(appended('a').type).toBe('write')
    expect(text(appended('ab').reply)).toBe(TOO_LONG)
    expect(run('set', new Uint8Array(KEY_BYTES_MAX), bytes('v')).type).toBe('write')
    expect(text(run('set', new Uint8Array(KEY_BYTES_MAX + 1), bytes('v')).reply)).toBe(
      err('key exceeds maximum allowed size'),
    )
    expect(text(run('get', new Uint8Array(KEY_BYTES_MAX + 1)).reply)).toBe(NIL)
    expect(run('setrange', bytes('k'), bytes(`${VALUE_BYTES_MAX - 1}`), bytes('x')).type).toBe(
      'write',
    )
    expect(run('setbit', bytes('k'), bytes(`${VALUE_BYTES_MAX * 8 - 1}`), bytes('1')).type).toBe(
      'write',
    )
  })

  it('write lengths of every number of digits', () => {
    for (const length of [0, 9, 10, 99, 100, 9_999, 10_000, 1_000_000]) {
      const current = { value: new Uint8Array(length).fill(120), expireAt: 0 }
      const { reply } = commandOf('get').run([bytes('get'), bytes('k')], current, NOW, 2)
      expect(text(reply) === bulk('x'.repeat(length))).toBe(true)
    }
  })
})

describe('finding a command', () => {
  it('works in any case, by bytes and by text', () => {
    for (const command of Object.values(STORE_COMMANDS)) {
      const { name } = command
      expect(findStoreCommand(name)).toBe(command)
      expect(findStoreCommand(bytes(name.toUpperCase()))).toBe(command)
      expect(findStoreCommand(bytes(name.charAt(0).toUpperCase() + name.slice(1)))).toBe(command)
    }
    expect(Object.keys(STORE_COMMANDS)).toHaveLength(35)
  })

  it('finds nothing else', () => {
    const strangers = [
      '',
      'g',
      'gett',
      'HGET',
      'ge\x14',
      '\x07et',
      'constructor',
      'ſet',
      'x'.repeat(1e5),
    ]
    for (const name of strangers) {
      expect(findStoreCommand(name)).toBeUndefined()
      expect(findStoreCommand(bytes(name))).toBeUndefined()
    }
  })
})
