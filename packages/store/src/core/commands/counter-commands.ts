import { addIntegers, formatInteger, INT64_MIN, type Int64, parseInteger } from './integer.ts'
import { addLongDoubles, formatLongDouble, parseLongDouble } from './long-double.ts'
import { ascii, bulkReply, ERRORS, integerReply } from './reply.ts'
import type { CommandRun, Current, Outcome } from './store-command.ts'

const ZERO_TEXT = ascii('0')

function added(current: Current | undefined, amount: Int64): Outcome {
  const old = current === undefined ? 0 : parseInteger(current.value)
  if (old === undefined) return ERRORS.notInteger
  const sum = addIntegers(old, amount)
  if (sum === undefined) return ERRORS.overflow
  return {
    type: 'write',
    reply: integerReply(sum),
    value: formatInteger(sum),
    expireAt: current?.expireAt ?? 0,
  }
}

export const incr: CommandRun = (_args, current) => added(current, 1)

export const decr: CommandRun = (_args, current) => added(current, -1)

export const incrby: CommandRun = (args, current) => {
  const amount = parseInteger(args[2] as Uint8Array)
  return amount === undefined ? ERRORS.notInteger : added(current, amount)
}

export const decrby: CommandRun = (args, current) => {
  const amount = parseInteger(args[2] as Uint8Array)
  if (amount === undefined) return ERRORS.notInteger
  // The smallest integer has no opposite.
  if (amount === INT64_MIN) return ERRORS.decrementOverflow
  return added(current, typeof amount === 'number' ? 0 - amount : -amount)
}

export const incrbyfloat: CommandRun = (args, current) => {
  const old = parseLongDouble(current?.value ?? ZERO_TEXT)
  const amount = parseLongDouble(args[2] as Uint8Array)
  if (old === undefined || amount === undefined) return ERRORS.notFloat
  if (old === 'infinite' || amount === 'infinite') return ERRORS.infinite
  const sum = addLongDoubles(old, amount)
  if (sum === 'infinite') return ERRORS.infinite
  const value = ascii(formatLongDouble(sum))
  return { type: 'write', reply: bulkReply(value), value, expireAt: current?.expireAt ?? 0 }
}
