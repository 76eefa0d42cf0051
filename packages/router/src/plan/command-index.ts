import type { RequestFrame } from '../codec/resp/request-frame.ts'
import type { RedisCommand } from './redis-command.ts'
import { REDIS_COMMANDS } from './redis-commands.ts'

// Finds a row by the bytes of a command's name in any case, without making a string: open addressing over a
// multiplicative hash. The table is a quarter full, so most names are found at the first try.

const SIZE = 1_024
const MASK = SIZE - 1
const FACTOR = 31

const whole = REDIS_COMMANDS.filter(({ name }) => !name.includes('|'))
const subcommands = new Map(
  REDIS_COMMANDS.filter(({ name }) => name.includes('|')).map((command) => [command.name, command]),
)
/** Longer names cannot be in the table. */
const NAME_BYTES_MAX = Math.max(...whole.map((command) => command.name.length))

const slots: (RedisCommand | undefined)[] = new Array(SIZE).fill(undefined)

for (const command of whole) {
  let hash = 0
  for (let i = 0; i < command.name.length; i++)
    hash = (Math.imul(hash, FACTOR) + command.name.charCodeAt(i)) | 0
  let at = hash & MASK
  while (slots[at] !== undefined) at = (at + 1) & MASK
  slots[at] = command
}

/**
 * The row of a client's command: that of its subcommand, where it has one. A container whose second word names no row is
 * its own row. O(length of the name); no allocation but for subcommands.
 */
export function commandOf(frame: RequestFrame): RedisCommand | undefined {
  const command = findRedisCommand(frame.bytes, frame.from(0), frame.to(0))
  if (command === undefined || command.run.type !== 'container' || frame.argc < 2) return command
  return findSubcommand(command, frame.text(1)) ?? command
}

/** The row of `container`'s subcommand with this name, in any case. */
export function findSubcommand(container: RedisCommand, word: string): RedisCommand | undefined {
  return subcommands.get(`${container.name}|${word.toLowerCase()}`)
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
