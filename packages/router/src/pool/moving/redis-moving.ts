import { encodeCommand } from '../../codec/resp/encode.ts'
import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import { findRedisCommand } from '../../plan/command-index.ts'
import { isHollow } from '../../plan/hollow.ts'
import type { RedisCommand } from '../../plan/redis-command.ts'
import type { Moving, Question } from './moving.ts'

/** Commands that need nothing of what a key held. */
const OVERWRITES = new Set(['set', 'setex', 'psetex', 'mset'])
/** Options with which SET looks at the old value. */
const LOOKS = new Set(['NX', 'XX', 'GET', 'KEEPTTL'])
const FLUSHES = new Set(['flushall', 'flushdb'])
const BUSY = '-BUSYKEY'
const OK = '+OK'
const ERROR = 0x2d
const BULK = 0x24
const INTEGER = 0x3a
const NO_KEY = -2
const NO_TTL = -1

/** Redis: values travel with DUMP and RESTORE, never REPLACE. */
export const REDIS_MOVING: Moving = {
  overwrites: ({ name }, frame) => OVERWRITES.has(name) && !looks(name, frame),
  flushes: ({ name }) => FLUSHES.has(name),
  isMiss: isHollow,
  read: (key) => [question(['DUMP', key]), question(['PTTL', key])],
  restore: (key, [dump, ttl]) => {
    const payload = dump === undefined ? undefined : bulkOf(dump)
    const ttlMs = ttl?.[0] === INTEGER ? Number(ttl.toString('latin1', 1)) : NO_KEY
    if (payload === undefined || ttlMs === NO_KEY) return undefined
    const left = ttlMs === NO_TTL ? 0 : Math.max(1, ttlMs)
    return question(['RESTORE', key, String(left), payload])
  },
  restored: (reply) => {
    const text = reply.toString('latin1', 0, BUSY.length)
    if (text === BUSY) return 'present'
    return text.startsWith(OK) ? 'stored' : 'failed'
  },
  exists: (key) => question(['EXISTS', key]),
  isThere: (reply) => reply.toString('latin1') === ':1\r\n',
  isAbsent: (reply) => reply.toString('latin1') === ':0\r\n',
  remove: (key) => question(['DEL', key]),
  isRemoved: (reply) => reply[0] === INTEGER,
  isRefusal: (reply) => reply[0] === ERROR,
}

function looks(name: string, frame: RequestFrame): boolean {
  if (name !== 'set') return false
  for (let at = 3; at < frame.argc; at++) if (LOOKS.has(frame.text(at).toUpperCase())) return true
  return false
}

function question(words: readonly (string | Buffer)[]): Question {
  const bytes = encodeCommand(words.map((word) => Buffer.from(word)))
  return { command: rowOf(String(words[0])), bytes }
}

/** The row of a command that the table is known to have. */
function rowOf(name: string): RedisCommand {
  const bytes = Buffer.from(name)
  const row = findRedisCommand(bytes, 0, bytes.length)
  if (row === undefined) throw new Error(`the table of commands has no ${name}`)
  return row
}

function bulkOf(reply: Buffer): Buffer | undefined {
  if (reply[0] !== BULK || reply[1] === ERROR) return undefined
  return reply.subarray(reply.indexOf('\r\n') + 2, reply.length - 2)
}
