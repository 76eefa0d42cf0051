import { VALUE_BYTES_MAX } from '../table/limits.ts'
import { parseInteger } from './integer.ts'
import { answer, ERRORS, integerReply, spells } from './reply.ts'
import type { CommandRun, Outcome } from './store-command.ts'
import { rangeWithin } from './string-commands.ts'

/** A bit's place: bits count from the highest of the first byte. */
function parseBitOffset(text: Uint8Array): number | undefined {
  const offset = parseInteger(text)
  if (typeof offset !== 'number' || offset < 0 || offset >= VALUE_BYTES_MAX * 8) return undefined
  return offset
}

const bitAt = (value: Uint8Array | undefined, offset: number): 0 | 1 =>
  ((value?.[offset >>> 3] ?? 0) & (0x80 >>> (offset & 7))) === 0 ? 0 : 1

export const getbit: CommandRun = (args, current) => {
  const offset = parseBitOffset(args[2] as Uint8Array)
  return offset === undefined
    ? ERRORS.bitOffset
    : answer(integerReply(bitAt(current?.value, offset)))
}

export const setbit: CommandRun = (args, current) => {
  const offset = parseBitOffset(args[2] as Uint8Array)
  if (offset === undefined) return ERRORS.bitOffset
  const bit = parseInteger(args[3] as Uint8Array)
  if (bit !== 0 && bit !== 1) return ERRORS.bit
  const old = current?.value
  const at = offset >>> 3
  const reply = integerReply(bitAt(old, offset))
  if (old !== undefined && at < old.length && bitAt(old, offset) === bit) return answer(reply)
  const value = new Uint8Array(Math.max(old?.length ?? 0, at + 1))
  if (old !== undefined) value.set(old)
  const mask = 0x80 >>> (offset & 7)
  value[at] = bit === 1 ? (value[at] as number) | mask : (value[at] as number) & ~mask
  return { type: 'write', reply, value, expireAt: current?.expireAt ?? 0 }
}

export const bitcount: CommandRun = (args, current) => {
  // Redis looks for the key first: a range that makes no sense is no error where there is nothing.
  if (current === undefined) return answer(integerReply(0))
  const { value } = current
  if (args.length === 2) return counted(value, 0, value.length * 8 - 1)
  if (args.length !== 4 && args.length !== 5) return ERRORS.syntax
  const start = parseInteger(args[2] as Uint8Array)
  const end = parseInteger(args[3] as Uint8Array)
  if (start === undefined || end === undefined) return ERRORS.notInteger
  if (start < 0 && end < 0 && start > end) return answer(integerReply(0))
  const unit = args[4]
  const byBit = unit !== undefined && spells(unit, 'bit')
  if (unit !== undefined && !byBit && !spells(unit, 'byte')) return ERRORS.syntax
  const range = rangeWithin(start, end, byBit ? value.length * 8 : value.length)
  if (range === undefined) return answer(integerReply(0))
  const { first, last } = range
  return byBit ? counted(value, first, last) : counted(value, first * 8, last * 8 + 7)
}

/** Counts the bits from the first to the last, both included. */
function counted(value: Uint8Array, firstBit: number, lastBit: number): Outcome {
  let count = 0
  let bit = firstBit
  while (bit <= lastBit) {
    if ((bit & 7) === 0 && bit + 7 <= lastBit) {
      count += onesOf(value[bit >>> 3] as number)
      bit += 8
    } else {
      count += bitAt(value, bit)
      bit++
    }
  }
  return answer(integerReply(count))
}

function onesOf(byte: number): number {
  const pairs = byte - ((byte >>> 1) & 0x55)
  const nibbles = (pairs & 0x33) + ((pairs >>> 2) & 0x33)
  return (nibbles + (nibbles >>> 4)) & 0x0f
}
