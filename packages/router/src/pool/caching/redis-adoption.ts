import { encodeCommand, encodeError } from '../../codec/resp/encode.ts'
import { DECODED, RequestDecoder } from '../../codec/resp/request-decoder.ts'
import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import type { RouterLimits } from '../../limits.ts'
import { findKeys } from '../../plan/command-keys.ts'
import { planRedis } from '../../plan/plan-redis.ts'
import type { RedisCommand } from '../../plan/redis-command.ts'
import { REDIS_COMMANDS } from '../../plan/redis-commands.ts'
import type { Adoption } from './adoption.ts'

const PEXPIRE_ROW = REDIS_COMMANDS.find(({ name }) => name === 'pexpire') as RedisCommand
const PEXPIRE = Buffer.from('PEXPIRE')
const LESS_THAN = Buffer.from('LT')
/** Writes after which a key is gone, or that write no value to a key. */
const NOTHING_LEFT = new Set(['del', 'unlink', 'publish', 'spublish'])

/** Redis: a command is planned anew; PEXPIRE … LT caps what a write left behind. */
export const REDIS_ADOPTION: Adoption = {
  adopt: (command, bytes, placement, limits) => {
    const frame = frameOf(bytes, limits)
    if (!('keys' in command) || frame === undefined) return undefined
    const plan = planRedis(command, frame, placement)
    switch (plan.type) {
      case 'owner':
      case 'blocking':
      case 'flow':
        return { type: 'owner', frame, keyIndex: plan.keyIndex }
      case 'split':
        return plan
      case 'error':
        return { type: 'refused', reply: encodeError(plan.text) }
      default:
        return undefined
    }
  },
  capExpiry: (command, bytes, ttlMs, _nowMs, limits) => {
    const frame = frameOf(bytes, limits)
    if (!('keys' in command) || frame === undefined || NOTHING_LEFT.has(command.name))
      return { bytes, followers: [] }
    const found = findKeys(command.keys, frame, command.name)
    const indexes = found.type === 'error' ? [] : found.indexes
    const ttl = Buffer.from(String(ttlMs))
    const followers = indexes.map((at) => ({
      command: PEXPIRE_ROW,
      bytes: encodeCommand([PEXPIRE, frame.arg(at), ttl, LESS_THAN]),
    }))
    return { bytes, followers }
  },
}

/** One whole command, read by a decoder of its own: the frame stays good. */
export function frameOf(bytes: Buffer, limits: RouterLimits): RequestFrame | undefined {
  const decoder = new RequestDecoder(limits)
  return decoder.next(bytes, 0, bytes.length) === DECODED.frame ? decoder.frame : undefined
}
