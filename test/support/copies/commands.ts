/** Whole numbers below a bound, from a seed (mulberry32). */
export type Random = (bound: number) => number

export function randomFrom(seed: number): Random {
  let state = seed | 0
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound)
  }
}

type Words = readonly string[]

const VALUES = ['a', 'b', 'c', '1', '2', '-7', '3.5', 'hello world', '\r\n\u0001']
const SCRIPTS = [
  "return redis.call('INCRBY', KEYS[1], ARGV[1])",
  "redis.call('SET', KEYS[1], ARGV[1]) return redis.call('APPEND', KEYS[1], 'z')",
  "return redis.call('SADD', KEYS[1], math.random(1000), redis.call('TIME')[2])",
]

/**
 * Commands of every type over `keys` keys of each, errors and wrong types included; whatever expires does so long after the
 * run. One call makes one command, or a transaction, or a few that belong together.
 */
export class RandomCommands {
  readonly #random: Random
  readonly #keys: number
  #generation = 0

  constructor(random: Random, keys: number) {
    this.#random = random
    this.#keys = keys
  }

  /**
   * One command over the keys of a generation. Keys are left alone after their time: what was wrong with one then stays so, where
   * the next write of a key that is used on and on would have shown it and repaired it.
   */
  next(generation: number): readonly Words[] {
    this.#generation = generation
    const dice = this.#random(100)
    if (dice < 2) return this.#transaction()
    const family = this.#pick(FAMILIES)
    return [this.#pick(family)(this)]
  }

  key(type: string): string {
    return `${type}:${this.#generation}:${this.#random(this.#keys)}`
  }

  /** A key that shares its owners with others of its group. */
  tagged(type: string): string {
    return this.of(this.#random(4), `${type}:${this.#random(2)}`)
  }

  /** A key of one group by its name. */
  of(group: number, name: string): string {
    return `{${this.#generation}:${group}}${name}`
  }

  any(): string {
    return this.key(
      this.#pick(['str', 'num', 'bit', 'hll', 'list', 'set', 'hash', 'zset', 'geo', 'stream']),
    )
  }

  value(): string {
    const dice = this.#random(20)
    if (dice === 0) return 'x'.repeat(this.#random(3_000))
    return dice < 8 ? `v${this.#random(400)}` : this.#pick(VALUES)
  }

  number(bound: number): string {
    return String(this.#random(bound))
  }

  #pick<T>(items: readonly T[]): T {
    return items[this.#random(items.length)] as T
  }

  pickWord(...words: readonly string[]): string {
    return this.#pick(words)
  }

  /** Keys of one group, so that one owner has them all. */
  #transaction(): readonly Words[] {
    const group = this.of(this.#random(4), '')
    const inside: readonly Words[] = [
      ['INCR', `${group}num:0`],
      ['RPUSH', `${group}list:0`, this.value()],
      ['SADD', `${group}set:0`, this.value()],
      ['HSET', `${group}hash:0`, 'f', this.value()],
    ]
    const some = inside.filter(() => this.#random(2) === 0)
    return [['MULTI'], ...some, ['EXEC']]
  }
}

type Make = (some: RandomCommands) => Words

const strings: readonly Make[] = [
  (s) => ['SET', s.key('str'), s.value()],
  (s) => ['SET', s.key('str'), s.value(), 'EX', '100000'],
  (s) => ['SET', s.key('str'), s.value(), s.pickWord('NX', 'XX', 'GET', 'KEEPTTL')],
  (s) => ['SETEX', s.key('str'), '90000', s.value()],
  (s) => ['SETNX', s.key('str'), s.value()],
  (s) => ['APPEND', s.key('str'), s.value()],
  (s) => ['SETRANGE', s.key('str'), s.number(20), 'zz'],
  (s) => ['GETSET', s.key('str'), s.value()],
  (s) => ['GETEX', s.key('str'), 'PERSIST'],
  (s) => ['GETEX', s.key('str'), 'EX', '90000'],
  (s) => ['GETDEL', s.key('str')],
  (s) => ['INCR', s.key('num')],
  (s) => ['DECRBY', s.key('num'), s.number(9)],
  (s) => ['INCRBYFLOAT', s.key('num'), '0.25'],
  (s) => ['MSET', s.key('str'), s.value(), s.key('num'), s.number(50), s.key('str'), s.value()],
  (s) => ['MSETNX', s.of(2, 'str:0'), s.value(), s.of(2, 'str:1'), s.value()],
  (s) => ['DEL', s.tagged('str'), s.tagged('str')],
  (s) => ['GET', s.key('str')],
  (s) => ['MGET', s.key('str'), s.key('num'), s.key('str')],
]
const bits: readonly Make[] = [
  (s) => ['SETBIT', s.key('bit'), s.number(2_000), s.pickWord('0', '1')],
  (s) => ['BITFIELD', s.key('bit'), 'INCRBY', 'u8', s.number(100), '3', 'OVERFLOW', 'SAT'],
  (s) => ['BITFIELD', s.key('bit'), 'SET', 'i16', '#2', s.number(900)],
  (s) => [
    'BITOP',
    s.pickWord('AND', 'OR', 'XOR'),
    s.tagged('bit'),
    s.of(0, 'bit:0'),
    s.of(0, 'bit:1'),
  ],
  (s) => ['SETBIT', s.of(0, 'bit:0'), s.number(500), '1'],
  (s) => ['PFADD', s.key('hll'), s.value(), s.value()],
  (s) => ['PFADD', s.of(1, 'hll:0'), s.value()],
  (s) => ['PFMERGE', s.of(1, 'hll:1'), s.of(1, 'hll:0'), s.of(1, 'hll:1')],
  (s) => ['PFCOUNT', s.key('hll')],
]
const lists: readonly Make[] = [
  (s) => ['RPUSH', s.key('list'), s.value(), s.value()],
  (s) => ['LPUSH', s.key('list'), s.value()],
  (s) => ['LPOP', s.key('list')],
  (s) => ['RPOP', s.key('list'), s.number(3)],
  (s) => ['LINSERT', s.key('list'), s.pickWord('BEFORE', 'AFTER'), 'a', s.value()],
  (s) => ['LSET', s.key('list'), s.number(5), s.value()],
  (s) => ['LREM', s.key('list'), s.pickWord('0', '1', '-1'), s.pickWord('a', 'b', 'c')],
  (s) => ['LTRIM', s.key('list'), '0', '200'],
  (s) => ['LMOVE', s.of(2, 'list:0'), s.of(2, 'list:1'), 'LEFT', 'RIGHT'],
  (s) => ['RPOPLPUSH', s.of(2, 'list:1'), s.tagged('list')],
  (s) => ['LMPOP', '2', s.of(2, 'list:0'), s.of(2, 'list:1'), 'LEFT', 'COUNT', s.number(3)],
  (s) => ['RPUSH', s.tagged('list'), s.value()],
  (s) => ['BLPOP', s.key('list'), '0.01'],
  (s) => ['BLMOVE', s.of(2, 'list:0'), s.of(2, 'list:1'), 'RIGHT', 'LEFT', '0.01'],
  (s) => ['SORT', s.of(2, 'list:0'), 'ALPHA', 'STORE', s.of(2, 'list:sorted')],
]
const sets: readonly Make[] = [
  (s) => ['SADD', s.key('set'), s.value(), s.value()],
  (s) => ['SADD', s.key('set'), s.number(60)],
  (s) => ['SREM', s.key('set'), s.value()],
  (s) => ['SPOP', s.key('set')],
  (s) => ['SPOP', s.key('set'), s.number(3)],
  (s) => ['SMOVE', s.of(3, 'set:0'), s.of(3, 'set:1'), s.pickWord('a', 'b', 'c')],
  (s) => ['SADD', s.tagged('set'), s.value()],
  (s) => ['SUNIONSTORE', s.of(3, 'set:1'), s.of(3, 'set:0'), s.of(3, 'set:1')],
  (s) => ['SINTERSTORE', s.of(3, 'set:2'), s.of(3, 'set:0'), s.of(3, 'set:1')],
  (s) => ['SDIFFSTORE', s.of(3, 'set:2'), s.of(3, 'set:0'), s.of(3, 'set:1')],
  (s) => ['SMEMBERS', s.key('set')],
]
const hashes: readonly Make[] = [
  (s) => ['HSET', s.key('hash'), s.value(), s.value()],
  (s) => ['HSET', s.key('hash'), `f${s.number(300)}`, s.number(9)],
  (s) => ['HSETNX', s.key('hash'), s.value(), s.value()],
  (s) => ['HINCRBY', s.key('hash'), 'n', '3'],
  (s) => ['HINCRBYFLOAT', s.key('hash'), 'fl', '0.1'],
  (s) => ['HDEL', s.key('hash'), s.value(), `f${s.number(300)}`],
  (s) => ['HGETALL', s.key('hash')],
]
const sorted: readonly Make[] = [
  (s) => ['ZADD', s.key('zset'), s.number(100), s.value()],
  (s) => ['ZADD', s.key('zset'), s.pickWord('NX', 'XX', 'GT', 'LT'), s.number(100), s.value()],
  (s) => ['ZADD', s.key('zset'), 'INCR', s.number(10), s.value()],
  (s) => ['ZINCRBY', s.key('zset'), '1.5', s.value()],
  (s) => ['ZREM', s.key('zset'), s.value()],
  (s) => ['ZPOPMIN', s.key('zset'), s.number(2)],
  (s) => ['ZPOPMAX', s.key('zset')],
  (s) => ['ZREMRANGEBYRANK', s.key('zset'), '150', '-1'],
  (s) => ['ZREMRANGEBYSCORE', s.key('zset'), s.number(100), s.number(100)],
  (s) => ['ZADD', s.tagged('zset'), s.number(50), s.value()],
  (s) => [
    'ZUNIONSTORE',
    s.of(1, 'zset:1'),
    '2',
    s.of(1, 'zset:0'),
    s.of(1, 'zset:1'),
    'AGGREGATE',
    'MIN',
  ],
  (s) => ['ZRANGESTORE', s.of(1, 'zset:2'), s.of(1, 'zset:0'), '0', '5'],
  (s) => ['BZPOPMIN', s.key('zset'), '0.01'],
  (s) => ['GEOADD', s.key('geo'), s.number(170), s.number(80), s.value()],
  (s) => ['GEOADD', s.of(0, 'geo:0'), s.number(170), s.number(80), s.value()],
  (s) => [
    'GEOSEARCHSTORE',
    s.of(0, 'geo:1'),
    s.of(0, 'geo:0'),
    'FROMLONLAT',
    '9',
    '9',
    'BYRADIUS',
    '9000',
    'km',
  ],
  (s) => ['GEORADIUS', s.of(0, 'geo:0'), '15', '37', '5000', 'km', 'STORE', s.of(0, 'geo:2')],
]
const streams: readonly Make[] = [
  (s) => ['XADD', s.key('stream'), '*', 'f', s.value()],
  (s) => ['XADD', s.key('stream'), 'MAXLEN', '=', '60', '*', 'f', s.value(), 'g', s.value()],
  (s) => ['XADD', s.key('stream'), 'MAXLEN', '~', '40', '*', 'f', s.value()],
  (s) => ['XADD', s.key('log'), `9${s.number(1_000)}-1`, 'f', s.value()],
  (s) => ['XTRIM', s.key('stream'), 'MAXLEN', '50'],
  (s) => ['XDEL', s.key('log'), `9${s.number(1_000)}-1`],
  (s) => ['XGROUP', 'CREATE', s.key('stream'), 'workers', '0', 'MKSTREAM'],
  (s) => [
    'XREADGROUP',
    'GROUP',
    'workers',
    `c${s.number(2)}`,
    'COUNT',
    '2',
    'STREAMS',
    s.key('stream'),
    '>',
  ],
  (s) => ['XAUTOCLAIM', s.key('stream'), 'workers', 'c0', '0', '0', 'COUNT', '1'],
  (s) => ['XACK', s.key('stream'), 'workers', '0-1'],
  (s) => ['XLEN', s.key('stream')],
]
const keys: readonly Make[] = [
  (s) => ['EXPIRE', s.any(), `${s.number(9)}0000${s.number(9)}`.replace(/^0/, '1')],
  (s) => ['EXPIRE', s.any(), '500000', s.pickWord('NX', 'XX', 'GT', 'LT')],
  (s) => ['PEXPIREAT', s.any(), '4102444800000'],
  (s) => ['PERSIST', s.any()],
  (s) => ['DEL', s.any(), s.any(), s.any()],
  (s) => ['UNLINK', s.any()],
  (s) => ['RENAME', s.tagged('str'), s.tagged('str')],
  (s) => ['RENAMENX', s.of(1, 'zset:0'), s.of(1, 'zset:3')],
  (s) => ['COPY', s.of(3, 'set:0'), s.of(3, 'set:3'), 'REPLACE'],
  (s) => ['EVAL', SCRIPTS[0] as string, '1', s.key('num'), s.number(9)],
  (s) => ['EVAL', SCRIPTS[1] as string, '1', s.key('str'), s.value()],
  (s) => ['EVAL', SCRIPTS[2] as string, '1', s.key('set')],
  (s) => ['LPUSH', s.key('str'), 'wrong type'],
  (s) => ['TYPE', s.any()],
  (s) => ['NOSUCH', s.any()],
]

const FAMILIES: readonly (readonly Make[])[] = [
  strings,
  strings,
  bits,
  lists,
  sets,
  hashes,
  sorted,
  streams,
  keys,
]
