import type { RedisCommand } from './redis-command.ts'
import { REDIS_COMMANDS } from './redis-commands.ts'

// Finds a row by the bytes of a command's name in any case, without making a string: open addressing over a
// multiplicative hash. The table is a quarter full, so most names are found at the first try.

const SIZE = 1_024
const MASK = SIZE - 1
const FACTOR = 31
/** Longer names cannot be in the table. */
const NAME_BYTES_MAX = Math.max(...REDIS_COMMANDS.map((command) => command.name.length))

const slots: (RedisCommand | undefined)[] = new Array(SIZE).fill(undefined)

for (const command of REDIS_COMMANDS) {
  let hash = 0
  for (let i = 0; i < command.name.length; i++)
    hash = (Math.imul(hash, FACTOR) + command.name.charCodeAt(i)) | 0
  let at = hash & MASK
  while (slots[at] !== undefined) at = (at + 1) & MASK
  slots[at] = command
}

/** The row of the command named by `bytes[from, to)`, in upper or lower case. O(length), no allocation. */
export function findRedisCommand(
  bytes: Uint8Array,
  from: number,
  to: number,
): RedisCommand | undefined {
  if (to - from > NAME_BYTES_MAX) return undefined
  let hash = 0
  for (let at = from; at < to; at++)
    hash = (Math.imul(hash, FACTOR) + lowered(bytes[at] as number)) | 0
  for (let at = hash & MASK; ; at = (at + 1) & MASK) {
    const command = slots[at]
    if (command === undefined || isName(command.name, bytes, from, to)) return command
  }
}

function isName(name: string, bytes: Uint8Array, from: number, to: number): boolean {
  if (name.length !== to - from) return false
  for (let i = 0; i < name.length; i++)
    if (name.charCodeAt(i) !== lowered(bytes[from + i] as number)) return false
  return true
}

function lowered(byte: number): number {
  return byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte
}
