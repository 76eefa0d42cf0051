import { VALUE_BYTES_MAX } from '../table/limits.ts'
import { parseExpireAt, parseWriteOptions, TIME_FORMS, type TimeForm } from './expiry-arguments.ts'
import { type Int64, parseInteger } from './integer.ts'
import {
  answer,
  bulkOrNull,
  bulkReply,
  EMPTY_BULK,
  ERRORS,
  integerReply,
  nullReply,
  OK,
} from './reply.ts'
import type { CommandRun, Current, Outcome } from './store-command.ts'

const argument = (args: readonly Uint8Array[], at: number): Uint8Array => args[at] as Uint8Array

/** Sets the key, or removes it when its time has already passed. */
function written(
  reply: Uint8Array,
  value: Uint8Array,
  expireAt: number,
  current: Current | undefined,
  now: number,
): Outcome {
  if (expireAt === 0 || expireAt > now) return { type: 'write', reply, value, expireAt }
  return current === undefined ? answer(reply) : { type: 'remove', reply }
}

export const get: CommandRun = (_args, current, _now, resp) =>
  answer(bulkOrNull(current?.value, resp))

export const set: CommandRun = (args, current, now, resp) => {
  const options = parseWriteOptions(args, 3, 'set')
  if (options === undefined) return ERRORS.syntax
  const { form, time } = options
  let expireAt = options.keepTtl ? (current?.expireAt ?? 0) : 0
  if (form !== undefined && time !== undefined) {
    const at = parseExpireAt(time, form, now, 'set', true)
    if (typeof at !== 'number') return at
    expireAt = at
  }
  const refused = current === undefined ? options.present : options.absent
  if (refused && !options.get) return answer(nullReply(resp))
  const reply = options.get ? bulkOrNull(current?.value, resp) : OK
  return refused ? answer(reply) : written(reply, argument(args, 2), expireAt, current, now)
}

export const setnx: CommandRun = (args, current) =>
  current === undefined
    ? { type: 'write', reply: integerReply(1), value: argument(args, 2), expireAt: 0 }
    : answer(integerReply(0))

const setWithTime =
  (command: string, form: TimeForm): CommandRun =>
  (args, current, now) => {
    const at = parseExpireAt(argument(args, 2), form, now, command, true)
    return typeof at === 'number' ? written(OK, argument(args, 3), at, current, now) : at
  }

export const setex: CommandRun = setWithTime('setex', TIME_FORMS.ex)
export const psetex: CommandRun = setWithTime('psetex', TIME_FORMS.px)

export const getset: CommandRun = (args, current, _now, resp) => ({
  type: 'write',
  reply: bulkOrNull(current?.value, resp),
  value: argument(args, 2),
  expireAt: 0,
})

export const getdel: CommandRun = (_args, current, _now, resp) =>
  current === undefined
    ? answer(nullReply(resp))
    : { type: 'remove', reply: bulkReply(current.value) }

export const getex: CommandRun = (args, current, now, resp) => {
  const options = parseWriteOptions(args, 2, 'getex')
  if (options === undefined) return ERRORS.syntax
  if (current === undefined) return answer(nullReply(resp))
  const { form, time } = options
  let { expireAt } = current
  if (form !== undefined && time !== undefined) {
    const at = parseExpireAt(time, form, now, 'getex', true)
    if (typeof at !== 'number') return at
    expireAt = at
  } else if (options.persist) {
    expireAt = 0
  }
  const reply = bulkReply(current.value)
  if (expireAt === current.expireAt) return answer(reply)
  return written(reply, current.value, expireAt, current, now)
}

export const append: CommandRun = (args, current) => {
  const tail = argument(args, 2)
  const head = current?.value
  if (head === undefined) {
    return { type: 'write', reply: integerReply(tail.length), value: tail, expireAt: 0 }
  }
  const length = head.length + tail.length
  if (length > VALUE_BYTES_MAX) return ERRORS.tooLong
  const reply = integerReply(length)
  if (tail.length === 0) return answer(reply)
  const value = new Uint8Array(length)
  value.set(head)
  value.set(tail, head.length)
  return { type: 'write', reply, value, expireAt: current?.expireAt ?? 0 }
}

export const strlen: CommandRun = (_args, current) =>
  answer(integerReply(current?.value.length ?? 0))

/** First and last index of a range as Redis counts: negative from the end, cut to what there is. Nothing if empty. */
export function rangeWithin(
  start: Int64,
  end: Int64,
  length: number,
): { readonly first: number; readonly last: number } | undefined {
  if (start < 0 && end < 0 && start > end) return undefined
  const first = Math.max(0, Number(start) + (start < 0 ? length : 0))
  const last = Math.min(length - 1, Math.max(0, Number(end) + (end < 0 ? length : 0)))
  return first > last ? undefined : { first, last }
}

export const getrange: CommandRun = (args, current) => {
  const start = parseInteger(argument(args, 2))
  const end = parseInteger(argument(args, 3))
  if (start === undefined || end === undefined) return ERRORS.notInteger
  const range = rangeWithin(start, end, current?.value.length ?? 0)
  if (current === undefined || range === undefined) return answer(EMPTY_BULK)
  return answer(bulkReply(current.value.subarray(range.first, range.last + 1)))
}

export const setrange: CommandRun = (args, current) => {
  const offset = parseInteger(argument(args, 2))
  if (offset === undefined) return ERRORS.notInteger
  if (offset < 0) return ERRORS.offset
  const part = argument(args, 3)
  const old = current?.value
  if (part.length === 0) return answer(integerReply(old?.length ?? 0))
  if (offset > VALUE_BYTES_MAX - part.length) return ERRORS.tooLong
  const at = Number(offset)
  const value = new Uint8Array(Math.max(old?.length ?? 0, at + part.length))
  if (old !== undefined) value.set(old)
  value.set(part, at)
  return {
    type: 'write',
    reply: integerReply(value.length),
    value,
    expireAt: current?.expireAt ?? 0,
  }
}
