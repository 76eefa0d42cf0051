import { parseExpireAt, TIME_FORMS, type TimeForm } from './expiry-arguments.ts'
import { answer, ERRORS, failureQuoting, integerReply, simpleReply, spells } from './reply.ts'
import type { CommandRun, Outcome } from './store-command.ts'

const STRING = simpleReply('string')
const NONE = simpleReply('none')
const NO_KEY = -2
const NO_EXPIRY = -1

export const del: CommandRun = (_args, current) =>
  current === undefined ? answer(integerReply(0)) : { type: 'remove', reply: integerReply(1) }

/** EXISTS and TOUCH. */
export const exists: CommandRun = (_args, current) =>
  answer(integerReply(current === undefined ? 0 : 1))

export const type: CommandRun = (_args, current) => answer(current === undefined ? NONE : STRING)

interface ExpireConditions {
  readonly absent: boolean
  readonly present: boolean
  readonly greater: boolean
  readonly less: boolean
}

const UNCONDITIONAL: ExpireConditions = {
  absent: false,
  present: false,
  greater: false,
  less: false,
}

const CONDITION_WORDS = {
  nx: 'absent',
  xx: 'present',
  gt: 'greater',
  lt: 'less',
} as const satisfies Record<string, keyof ExpireConditions>

function parseConditions(args: readonly Uint8Array[]): ExpireConditions | Outcome {
  if (args.length === 3) return UNCONDITIONAL
  const conditions = { ...UNCONDITIONAL }
  for (let i = 3; i < args.length; i++) {
    const word = args[i] as Uint8Array
    const known = (['nx', 'xx', 'gt', 'lt'] as const).find((candidate) => spells(word, candidate))
    if (known === undefined) return failureQuoting('ERR Unsupported option', word)
    conditions[CONDITION_WORDS[known]] = true
  }
  const { absent, present, greater, less } = conditions
  if (absent && (present || greater || less)) return ERRORS.notCompatible
  return greater && less ? ERRORS.greaterAndLess : conditions
}

/** Whether the conditions let an entry that expires at `old` (0 for never) expire at `at`. */
function allowed(conditions: ExpireConditions, old: number, at: number): boolean {
  if (conditions.absent && old !== 0) return false
  if (conditions.present && old === 0) return false
  // An entry without expiry counts as one that expires later than any other.
  if (conditions.greater && (old === 0 || at <= old)) return false
  return !(conditions.less && old !== 0 && at >= old)
}

const expireBy =
  (command: string, form: TimeForm): CommandRun =>
  (args, current, now) => {
    const conditions = parseConditions(args)
    if ('type' in conditions) return conditions
    const at = parseExpireAt(args[2] as Uint8Array, form, now, command, false)
    if (typeof at !== 'number') return at
    if (current === undefined || !allowed(conditions, current.expireAt, at)) {
      return answer(integerReply(0))
    }
    const reply = integerReply(1)
    if (at <= now) return { type: 'remove', reply }
    return { type: 'write', reply, value: current.value, expireAt: at }
  }

export const expire: CommandRun = expireBy('expire', TIME_FORMS.ex)
export const pexpire: CommandRun = expireBy('pexpire', TIME_FORMS.px)
export const expireat: CommandRun = expireBy('expireat', TIME_FORMS.exat)
export const pexpireat: CommandRun = expireBy('pexpireat', TIME_FORMS.pxat)

const expiryReply =
  (answerFor: (expireAt: number, now: number) => number): CommandRun =>
  (_args, current, now) => {
    if (current === undefined) return answer(integerReply(NO_KEY))
    if (current.expireAt === 0) return answer(integerReply(NO_EXPIRY))
    return answer(integerReply(answerFor(current.expireAt, now)))
  }

/** To the nearest second, as Redis rounds. */
const seconds = (ms: number): number => Math.floor((ms + 500) / 1000)

export const ttl: CommandRun = expiryReply((at, now) => seconds(Math.max(0, at - now)))
export const pttl: CommandRun = expiryReply((at, now) => Math.max(0, at - now))
export const expiretime: CommandRun = expiryReply((at) => seconds(at))
export const pexpiretime: CommandRun = expiryReply((at) => at)

export const persist: CommandRun = (_args, current) =>
  current === undefined || current.expireAt === 0
    ? answer(integerReply(0))
    : { type: 'write', reply: integerReply(1), value: current.value, expireAt: 0 }
