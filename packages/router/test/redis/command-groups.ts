/**
 * What Redis documents for each group of commands, as commands to be sent one after the other. Keys of commands with
 * several share a tag.
 */
export const GROUPS: Readonly<Record<string, string>> = {
  string: `
    SET foo bar
    GET foo
    SET foo baz NX
    SET foo baz XX GET
    SETNX foo x
    SETEX t 100 v
    TTL t
    PSETEX t 100000 v
    GETEX t PERSIST
    TTL t
    GETSET foo qux
    GETDEL foo
    GET foo
    APPEND s hello
    APPEND s " world"
    STRLEN s
    GETRANGE s 0 4
    SUBSTR s -5 -1
    SETRANGE s 6 Redis
    GET s
    SETRANGE s -1 x
    SET n 10
    INCR n
    DECR n
    INCRBY n 5
    DECRBY n 3
    INCRBYFLOAT n 1.5
    INCR s
    INCRBY n notanumber
    MSET a 1 b 2 c 3 d 4
    MGET a b c d nosuch
    MSETNX {t}a 1 {t}b 2
    MSETNX {t}a 1 {t}c 2
    LCS {t}a {t}b
    LCS {t}a {t}b LEN
    SET big "some longer text with spaces"
    GET big
    SET
    SET a
    SET a b EX 0
    SET a b EX x
    GET a b`,
  list: `
    RPUSH l a b c d e
    LPUSH l z
    LPUSHX nol x
    RPUSHX nol x
    LLEN l
    LRANGE l 0 -1
    LINDEX l 1
    LINDEX l 100
    LSET l 0 y
    LSET l 100 y
    LSET nol 0 y
    LPOS l c
    LPOS l c RANK 1 COUNT 0
    LINSERT l BEFORE c x
    LINSERT l AFTER nosuch x
    LREM l 0 x
    LTRIM l 1 3
    LRANGE l 0 -1
    LPOP l
    RPOP l
    LPOP l 10
    LPOP nol
    LPOP nol 2
    RPUSH {l}1 1 2 3
    RPOPLPUSH {l}1 {l}2
    LMOVE {l}1 {l}2 LEFT RIGHT
    LMPOP 2 {l}1 {l}2 LEFT COUNT 2
    LMPOP 1 nol LEFT
    LMPOP 0 nol LEFT
    LMPOP x nol LEFT
    BLPOP {l}2 {l}1 1
    BRPOP nol 0.01
    BLMOVE {l}2 {l}1 LEFT RIGHT 0.01
    BLMPOP 0.01 1 {l}2 LEFT
    BRPOPLPUSH nol {nol}2 0.01
    BLPOP nol -1
    BLPOP nol notanumber
    SET str x
    LPUSH str a
    LRANGE str 0 -1
    BLPOP str 0.01`,
  hash: `
    HSET h a 1 b 2 c 3
    HSET h a 2
    HSETNX h a 9
    HSETNX h d 4
    HGET h a
    HGET h nosuch
    HMGET h a b nosuch
    HMSET h x 1 y 2
    HGETALL h
    HKEYS h
    HVALS h
    HLEN h
    HEXISTS h a
    HSTRLEN h a
    HINCRBY h a 5
    HINCRBYFLOAT h a 1.5
    HINCRBY h a 1
    HDEL h a b nosuch
    HSCAN h 0
    HRANDFIELD nosuch
    HRANDFIELD nosuch 2
    HSET h a
    HGET
    HSET h2 f v
    HRANDFIELD h2
    HGETALL nosuch`,
  set: `
    SADD s a b c d
    SADD s a
    SCARD s
    SISMEMBER s a
    SMISMEMBER s a x
    SMEMBERS s
    SREM s a x
    SPOP nosuch
    SADD one x
    SPOP one
    SADD {s}1 1 2 3 4
    SADD {s}2 3 4 5
    SINTER {s}1 {s}2
    SUNION {s}1 {s}2
    SDIFF {s}1 {s}2
    SINTERSTORE {s}3 {s}1 {s}2
    SUNIONSTORE {s}4 {s}1 {s}2
    SDIFFSTORE {s}5 {s}1 {s}2
    SCARD {s}4
    SINTERCARD 2 {s}1 {s}2
    SINTERCARD 2 {s}1 {s}2 LIMIT 1
    SINTERCARD 0 {s}1
    SINTERCARD 5 {s}1
    SMOVE {s}1 {s}2 1
    SMOVE {s}1 {s}2 nosuch
    SRANDMEMBER nosuch
    SRANDMEMBER nosuch 2
    SSCAN {s}5 0
    SADD
    GET s`,
  zset: `
    ZADD z 1 a 2 b 3 c
    ZADD z NX 9 a
    ZADD z XX CH 5 a
    ZADD z GT 1 a
    ZADD z INCR 2 a
    ZADD z nan x
    ZSCORE z a
    ZMSCORE z a x
    ZCARD z
    ZCOUNT z 1 3
    ZRANK z b
    ZREVRANK z b
    ZRANK z x
    ZINCRBY z 1.5 b
    ZRANGE z 0 -1 WITHSCORES
    ZRANGE z 0 10 BYSCORE LIMIT 0 2
    ZRANGE z [a [c BYLEX
    ZREVRANGE z 0 -1
    ZRANGEBYSCORE z -inf +inf WITHSCORES
    ZREVRANGEBYSCORE z +inf 2
    ZRANGEBYLEX z - +
    ZLEXCOUNT z - +
    ZADD {z}1 1 a 2 b
    ZADD {z}2 2 b 3 c
    ZUNIONSTORE {z}3 2 {z}1 {z}2 WEIGHTS 2 3
    ZINTERSTORE {z}4 2 {z}1 {z}2
    ZDIFFSTORE {z}5 2 {z}1 {z}2
    ZRANGESTORE {z}6 {z}3 0 1
    ZUNION 2 {z}1 {z}2 WITHSCORES
    ZINTER 2 {z}1 {z}2 WITHSCORES
    ZDIFF 2 {z}1 {z}2 WITHSCORES
    ZINTERCARD 2 {z}1 {z}2
    ZUNION 0 {z}1
    ZUNION x {z}1
    ZUNION 3 {z}1
    ZMPOP 2 {z}1 {z}2 MIN COUNT 2
    ZMPOP 1 nosuch MIN
    ZPOPMIN z
    ZPOPMAX z 2
    BZPOPMIN {z}3 {z}4 0.1
    BZPOPMAX nosuch 0.01
    BZMPOP 0.01 1 nosuch MIN
    BZMPOP 0.01 2 {z}3 {z}4 MAX
    ZREM z a b
    ZREMRANGEBYRANK {z}3 0 0
    ZREMRANGEBYSCORE {z}3 -inf +inf
    ZREMRANGEBYLEX {z}6 - +
    ZSCAN {z}4 0
    ZRANDMEMBER nosuch
    ZRANDMEMBER nosuch 2 WITHSCORES
    ZADD z
    ZADD z x a`,
  stream: `
    XADD s 1-1 a 1
    XADD s 1-2 a 2 b 3
    XADD s 1-1 a 1
    XADD s 2 a
    XLEN s
    XRANGE s - +
    XRANGE s - + COUNT 1
    XREVRANGE s + -
    XREAD COUNT 2 STREAMS s 0
    XREAD STREAMS s $
    XREAD STREAMS s 5
    XREAD BLOCK 5 STREAMS s $
    XREAD STREAMS s
    XREAD COUNT x STREAMS s 0
    XADD {s}1 1-1 f v
    XADD {s}2 2-1 f v
    XREAD STREAMS {s}1 {s}2 0 0
    XGROUP CREATE s g 0
    XGROUP CREATE s g 0
    XGROUP CREATE new g $ MKSTREAM
    XGROUP CREATECONSUMER s g c1
    XREADGROUP GROUP g c1 COUNT 1 STREAMS s >
    XREADGROUP GROUP g c1 BLOCK 5 STREAMS new >
    XREADGROUP GROUP nosuch c1 STREAMS s >
    XACK s g 1-1
    XPENDING s g
    XREADGROUP GROUP g c1 STREAMS s >
    XCLAIM s g c2 0 1-2 JUSTID
    XAUTOCLAIM s g c3 0 0 JUSTID
    XDEL s 1-1
    XTRIM s MAXLEN 1
    XSETID s 9-9
    XINFO GROUPS new
    XGROUP SETID s g 0
    XGROUP DELCONSUMER s g c2
    XGROUP DESTROY s g
    XGROUP NOSUCH s
    XINFO CONSUMERS s nosuch
    XADD s * x
    XLEN nosuch`,
  keyspace: `
    SET a 1
    SET b 2
    EXISTS a b a nosuch
    TYPE a
    TYPE nosuch
    DEL a nosuch
    UNLINK b
    SET {k}1 v
    RENAME {k}1 {k}2
    RENAME {k}1 {k}2
    RENAMENX {k}2 {k}3
    COPY {k}3 {k}4
    COPY {k}3 {k}4
    COPY {k}3 {k}4 REPLACE
    TOUCH {k}3 {k}4 nosuch
    DBSIZE
    KEYS {k}*
    KEYS nosuch*
    OBJECT ENCODING {k}3
    OBJECT REFCOUNT {k}3
    OBJECT ENCODING nosuch
    DUMP nosuch
    RESTORE r 0 garbage
    RANDOMKEY x
    SET only 1
    FLUSHALL
    RANDOMKEY
    FLUSHDB ASYNC
    FLUSHDB SYNC
    FLUSHALL NONSENSE
    SCAN x
    SCAN 0 COUNT 0
    SORT nosuch
    RPUSH {q}l 3 1 2
    SORT {q}l
    SORT {q}l DESC LIMIT 0 2
    SORT {q}l ALPHA STORE {q}d
    SORT_RO {q}l BY nosort
    LRANGE {q}d 0 -1
    SELECT 0
    SELECT x
    SWAPDB`,
  expire: `
    SET a 1
    EXPIRE a 100
    TTL a
    EXPIRE a 200 NX
    EXPIRE a 50 GT
    EXPIRE a 50 LT
    TTL a
    PERSIST a
    PERSIST a
    TTL a
    PEXPIRE a 100000
    EXPIREAT a 99999999999
    EXPIRETIME a
    PEXPIREAT a 9999999999999
    PEXPIRETIME a
    EXPIRE a -1
    EXISTS a
    EXPIRE nosuch 10
    TTL nosuch
    PTTL nosuch
    EXPIRE a x
    SET b v EX 100
    SET b v KEEPTTL
    TTL b
    SET b v
    TTL b
    SET c v PX -5`,
  scripting: `
    EVAL "return 1" 0
    EVAL "return {1,2,{3,'four'}}" 0
    EVAL "return KEYS[1]..ARGV[1]" 1 k a
    EVAL "return redis.call('SET',KEYS[1],ARGV[1])" 1 k v
    EVAL "return redis.call('GET',KEYS[1])" 1 k
    EVAL_RO "return redis.call('GET',KEYS[1])" 1 k
    EVAL_RO "return redis.call('SET',KEYS[1],'x')" 1 k
    EVAL "return redis.error_reply('MY err')" 0
    EVAL "return redis.status_reply('fine')" 0
    EVAL "return nil" 0
    EVAL "return redis.call('nosuch')" 0
    EVAL "return {KEYS[1],KEYS[2]}" 2 {e}1 {e}2
    EVAL "return 1" -1
    EVAL "return 1" 2 a
    EVAL "return 1" x
    EVAL "nonsense" 0
    EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
    EVALSHA ffffffffffffffffffffffffffffffffffffffff 0
    EVALSHA_RO e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
    SCRIPT LOAD "return 7"
    EVALSHA 3e6b2e3d3b3c3d3e3f3a3b3c3d3e3f3a3b3c3d3e 0
    SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db ffffffffffffffffffffffffffffffffffffffff
    SCRIPT FLUSH
    EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
    SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db
    SCRIPT KILL
    SCRIPT NONSENSE
    FUNCTION FLUSH
    FUNCTION LOAD "#!lua name=lib\\nredis.register_function('f', function(k,a) return redis.call('SET',k[1],a[1]) end)"
    FUNCTION LIST
    FCALL nosuch 0
    FUNCTION DELETE nosuch
    FUNCTION KILL`,
  multi: `
    MULTI
    SET {m}a 1
    INCR {m}a
    GET {m}a
    EXEC
    MULTI
    MULTI
    PING
    ECHO hi
    SET {m}a x
    INCR {m}a
    EXEC
    EXEC
    DISCARD
    MULTI
    SET {m}a 5
    DISCARD
    GET {m}a
    MULTI
    NOSUCH
    SET {m}a 6
    EXEC
    MULTI
    SET {m}a
    EXEC
    MULTI
    EXEC
    WATCH {m}a {m}b
    GET {m}a
    MULTI
    WATCH {m}a
    SET {m}b 1
    EXEC
    WATCH {m}a
    SET {m}a 9
    MULTI
    GET {m}a
    EXEC
    WATCH {m}a
    UNWATCH
    SET {m}a 10
    MULTI
    GET {m}a
    BLPOP {m}l 0
    MGET {m}a {m}b
    DEL {m}a {m}b
    EXEC
    WATCH
    UNWATCH
    WATCH {m}a
    MULTI
    UNWATCH
    EXEC
    MULTI
    EVAL "return redis.call('INCR',KEYS[1])" 1 {m}n
    EXEC`,
  bitops: `
    SETBIT b 7 1
    GETBIT b 7
    GETBIT b 100
    SETBIT b -1 1
    SETBIT b 0 2
    BITCOUNT b
    BITCOUNT b 0 0
    BITCOUNT b 0 7 BIT
    BITPOS b 1
    BITPOS b 0
    SET {b}1 abc
    SET {b}2 abd
    BITOP AND {b}3 {b}1 {b}2
    BITOP XOR {b}3 {b}1 {b}2
    BITOP NOT {b}3 {b}1
    BITOP NOT {b}3 {b}1 {b}2
    GET {b}3
    BITFIELD f SET u8 0 255 GET u4 0
    BITFIELD f INCRBY u2 100 1 OVERFLOW SAT GET i5 3
    BITFIELD_RO f GET u8 0
    BITFIELD_RO f SET u8 0 1`,
  hyperloglog: `
    PFADD {h}1 a b c
    PFADD {h}1 a
    PFADD {h}2 c d
    PFCOUNT {h}1
    PFCOUNT {h}1 {h}2
    PFMERGE {h}3 {h}1 {h}2
    PFCOUNT {h}3
    PFCOUNT nosuch
    SET s x
    PFADD s a`,
  geo: `
    GEOADD {g}1 13.361389 38.115556 Palermo 15.087269 37.502669 Catania
    GEOADD {g}1 200 100 bad
    GEODIST {g}1 Palermo Catania km
    GEODIST {g}1 Palermo nosuch
    GEOHASH {g}1 Palermo nosuch
    GEOPOS {g}1 Palermo nosuch
    GEORADIUS {g}1 15 37 200 km WITHDIST ASC
    GEORADIUS_RO {g}1 15 37 100 km
    GEORADIUSBYMEMBER {g}1 Palermo 200 km ASC
    GEORADIUSBYMEMBER_RO {g}1 Palermo 10 km
    GEORADIUS {g}1 15 37 200 km STORE {g}2
    GEORADIUS {g}1 15 37 200 km STOREDIST {g}3
    ZRANGE {g}2 0 -1
    GEOSEARCH {g}1 FROMLONLAT 15 37 BYRADIUS 200 km ASC COUNT 1
    GEOSEARCH {g}1 FROMMEMBER Palermo BYBOX 400 400 km DESC
    GEOSEARCHSTORE {g}4 {g}1 FROMLONLAT 15 37 BYRADIUS 200 km
    ZCARD {g}4`,
  connection: `
    PING
    PING hi
    PING a b
    ECHO hi
    ECHO
    CLIENT SETNAME me
    CLIENT GETNAME
    CLIENT SETNAME "with space"
    CLIENT NO-EVICT on
    CLIENT NO-EVICT maybe
    CLIENT GETREDIR
    CLIENT NONSENSE
    CLIENT REPLY ON
    AUTH x
    AUTH default x
    AUTH nobody x
    HELLO 9
    HELLO x
    READONLY NONSENSE
    CONFIG GET save
    CONFIG GET nosuch
    COMMAND COUNT x
    COMMAND GETKEYS MSET a 1 b 2
    COMMAND GETKEYS NOSUCH a
    OBJECT NONSENSE a
    GETX foo`,
}
