import fc from 'fast-check'

// Random commands over few keys, so that types collide, keys expire and multi-key commands hit and miss their slots. What
// depends on time or chance (SPOP, XADD *, OBJECT IDLETIME) is left out: two servers would differ without a router.

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', '{t}1', '{t}2', '{t}3')
const tagged = fc.constantFrom('{t}1', '{t}2', '{t}3')
const value = fc.constantFrom('', '0', '1', '-5', '3.5', 'x', 'hello world', '\u00ff\u0000\r\n')
const number = fc.constantFrom('0', '1', '2', '-1', '10', 'x')
const score = fc.constantFrom('1', '2.5', '-inf', '+inf', 'nan')
const bit = fc.constantFrom('0', '1')

type Words = readonly string[]
const words = (...parts: readonly (string | fc.Arbitrary<string>)[]): fc.Arbitrary<Words> =>
  fc.tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part)))

const several = (name: string, arbitrary: fc.Arbitrary<string>) =>
  fc.array(arbitrary, { minLength: 1, maxLength: 5 }).map((keys): Words => [name, ...keys])

const commands: fc.Arbitrary<Words> = fc.oneof(
  words('SET', key, value),
  words('SET', key, value, fc.constantFrom('NX', 'XX', 'GET', 'KEEPTTL', 'BAD')),
  words('GET', key),
  words('APPEND', key, value),
  words('GETRANGE', key, number, number),
  words('SETRANGE', key, number, value),
  words('INCRBY', key, number),
  words('INCRBYFLOAT', key, number),
  words('STRLEN', key),
  words('GETDEL', key),
  words('SETBIT', key, number, bit),
  words('BITCOUNT', key),
  words('BITOP', fc.constantFrom('AND', 'OR', 'NOT'), tagged, tagged),
  several('MGET', key),
  fc
    .array(fc.tuple(key, value), { minLength: 1, maxLength: 4 })
    .map((pairs) => ['MSET', ...pairs.flat()]),
  several('DEL', key),
  several('UNLINK', key),
  several('EXISTS', key),
  several('TOUCH', key),
  words('TYPE', key),
  words('EXPIRE', key, '1000'),
  words('PERSIST', key),
  words('RENAME', tagged, tagged),
  words('COPY', tagged, tagged, 'REPLACE'),
  words('LPUSH', key, value, value),
  words('RPUSHX', key, value),
  words('LPOP', key, number),
  words('LRANGE', key, number, number),
  words('LINSERT', key, 'BEFORE', value, value),
  words('LMOVE', tagged, tagged, 'LEFT', 'RIGHT'),
  words('LMPOP', '2', tagged, tagged, 'LEFT', 'COUNT', '2'),
  words('BLPOP', tagged, tagged, '0.001'),
  words('HSET', key, value, value),
  words('HMGET', key, value, value),
  words('HINCRBY', key, value, number),
  words('HLEN', key),
  words('SADD', key, value, value),
  words('SCARD', key),
  words('SISMEMBER', key, value),
  words('SMOVE', tagged, tagged, value),
  words('SINTERCARD', '2', tagged, tagged),
  words('SUNIONSTORE', tagged, tagged, tagged),
  words('ZADD', key, score, value),
  words('ZRANGE', key, number, number, 'WITHSCORES'),
  words('ZRANGEBYSCORE', key, '-inf', '+inf'),
  words('ZINCRBY', key, score, value),
  words('ZUNIONSTORE', tagged, '2', tagged, tagged),
  words('ZPOPMIN', key),
  words('XADD', key, fc.constantFrom('1-1', '2-1', '3-1'), 'f', value),
  words('XRANGE', key, '-', '+'),
  words('XREAD', 'STREAMS', tagged, tagged, '0', '0'),
  words('PFADD', key, value),
  several('PFCOUNT', tagged),
  words('DBSIZE'),
  words('NOSUCH', key),
  words('GET'),
)

/** Commands one after the other; some of them between MULTI and EXEC, where all keys share a tag. */
export const commandLists: fc.Arbitrary<readonly Words[]> = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: commands.map((each) => [each]) },
      {
        weight: 1,
        arbitrary: fc
          .array(
            fc.oneof(
              words('SET', tagged, value),
              words('INCR', tagged),
              words('LPUSH', tagged, value),
              words('GET', tagged),
              words('NOSUCH', tagged),
            ),
            { maxLength: 4 },
          )
          .map((each) => [['MULTI'], ...each, ['EXEC']]),
      },
    ),
    { minLength: 20, maxLength: 60 },
  )
  .map((lists) => lists.flat())
