import { flagAt } from '../../codec/memcached/words.ts'
import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import type { RoutedCommand } from '../../plan/routed-command.ts'
import {
  encodeAsk,
  encodeLook,
  encodeRemove,
  encodeStore,
  itemOf,
  OWN_COMMAND,
} from '../copies/memcached-item.ts'
import type { Moving, Question } from './moving.ts'

const MISSES = ['END\r\n', 'EN\r\n'].map((text) => Buffer.from(text))
const REMOVED = /^(DELETED|NOT_FOUND|HD|NF)/
/** Flags of `ms` that look at the item that there is: a mode, a unique id to compare with, and to mark it stale. */
const LOOKS = new Set(Buffer.from('MCI'))
const FLAGS_AT = 3
const WRITE = { ...OWN_COMMAND, access: 'write' } as const
const READ = { ...OWN_COMMAND, access: 'read' } as const

/** Memcached: items travel with `mg` and `ms … ME`, which adds and never overwrites, with flags and what is left of their time. */
export const MEMCACHED_MOVING: Moving = {
  overwrites: ({ name }, frame) => name === 'set' || (name === 'ms' && !looks(frame)),
  flushes: ({ name }) => name === 'flush_all',
  isMiss: (bytes, start, end) => MISSES.some((miss) => miss.equals(bytes.subarray(start, end))),
  read: (key) => [question(READ, encodeAsk(key))],
  restore: (key, [reply]) => {
    const item = reply === undefined ? undefined : itemOf(reply)
    return item === undefined ? undefined : question(WRITE, encodeStore(key, item, ' ME'))
  },
  restored: (reply) => {
    const code = reply.toString('latin1', 0, 2)
    if (code === 'NS') return 'present'
    return code === 'HD' ? 'stored' : 'failed'
  },
  exists: (key) => question(READ, encodeLook(key)),
  isThere: (reply) => reply.toString('latin1', 0, 2) === 'HD',
  isAbsent: (reply) => reply.toString('latin1', 0, 2) === 'EN',
  remove: (key) => question(WRITE, encodeRemove(key)),
  isRemoved: (reply) => REMOVED.test(reply.toString('latin1', 0, 9)),
  isRefusal: (reply) => !reply.toString('latin1', 0, 2).startsWith('OK'),
}

function looks(frame: RequestFrame): boolean {
  for (let at = FLAGS_AT; at < frame.argc; at++) if (LOOKS.has(flagAt(frame, at))) return true
  return false
}

function question(command: RoutedCommand, bytes: Buffer): Question {
  return { command, bytes }
}
