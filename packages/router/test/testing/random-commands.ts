/** Whole numbers below a bound, from a seed (mulberry32). */
export function randomFrom(seed: number): (bound: number) => number {
  let state = seed | 0
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound)
  }
}

const KEYS_PER_TYPE = 12

/** A write or a read on few keys of every type, errors included; nothing that expires soon. */
export function randomCommand(random: (bound: number) => number): string[] {
  const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T
  const key = (type: string) => `${type}${random(KEYS_PER_TYPE)}`
  const value = () => pick(['a', 'b', 'c', '1', '2', '3.5', 'x'.repeat(random(200))])
  const score = () => String(random(100))
  const any = () => key(pick(['str', 'list', 'set', 'hash', 'zset', 'stream', 'num']))
  return pick<() => string[]>([
    () => ['SET', key('str'), value()],
    () => ['SET', key('str'), value(), 'EX', '1000'],
    () => ['SETNX', key('str'), value()],
    () => ['APPEND', key('str'), value()],
    () => ['SETRANGE', key('str'), String(random(20)), 'zz'],
    () => ['SETBIT', key('str'), String(random(100)), '1'],
    () => ['GETSET', key('str'), value()],
    () => ['GETDEL', key('str')],
    () => ['INCR', key('num')],
    () => ['INCRBYFLOAT', key('num'), '0.25'],
    () => ['DECRBY', key('num'), String(random(9))],
    () => ['RPUSH', key('list'), value(), value()],
    () => ['LPOP', key('list')],
    () => ['LINSERT', key('list'), 'BEFORE', 'a', 'new'],
    () => ['LTRIM', key('list'), '0', '20'],
    () => ['SADD', key('set'), value(), value()],
    () => ['SREM', key('set'), value()],
    () => ['SPOP', key('set')],
    () => ['HSET', key('hash'), pick(['f', 'g', 'h']), value()],
    () => ['HINCRBY', key('hash'), 'n', '3'],
    () => ['HDEL', key('hash'), pick(['f', 'g', 'h'])],
    () => ['ZADD', key('zset'), score(), value()],
    () => ['ZINCRBY', key('zset'), '1.5', value()],
    () => ['ZPOPMIN', key('zset')],
    () => ['ZREMRANGEBYRANK', key('zset'), '5', '10'],
    () => ['XADD', key('stream'), '*', 'f', value()],
    () => ['XADD', key('stream'), 'MAXLEN', '=', '10', '*', 'f', value()],
    () => ['PFADD', key('str'), value()],
    () => ['EXPIRE', any(), String(1_000 + random(1_000))],
    () => ['EXPIRE', any(), '5000', 'GT'],
    () => ['PERSIST', any()],
    () => ['DEL', any(), any(), any()],
    () => ['MSET', key('str'), value(), key('num'), String(random(50))],
    () => ['RENAME', '{t}a', '{t}b'],
    () => ['SET', pick(['{t}a', '{t}b']), value()],
    () => ['COPY', '{t}a', '{t}b', 'REPLACE'],
    () => ['GET', key('str')],
    () => ['MGET', key('str'), key('num'), key('str')],
    () => ['SMEMBERS', key('set')],
    () => ['LPUSH', key('str'), 'wrong type'],
  ])()
}
