import { addIntegers, multiplyIntegers, parseInteger } from './integer.ts'
import { ERRORS, failure, spells } from './reply.ts'
import type { Outcome } from './store-command.ts'

/** How a time is written: its unit, and whether it counts from now. */
export interface TimeForm {
  readonly unitMs: 1 | 1000
  readonly relative: boolean
}

/** The words that announce a time in SET and GETEX. */
export const TIME_FORMS = {
  ex: { unitMs: 1000, relative: true },
  px: { unitMs: 1, relative: true },
  exat: { unitMs: 1000, relative: false },
  pxat: { unitMs: 1, relative: false },
} as const satisfies Record<string, TimeForm>

const TIME_WORDS = ['ex', 'px', 'exat', 'pxat'] as const

/** What SET and GETEX can be told after their fixed arguments. */
export interface WriteOptions {
  readonly absent: boolean
  readonly present: boolean
  readonly get: boolean
  readonly keepTtl: boolean
  readonly persist: boolean
  readonly form: TimeForm | undefined
  readonly time: Uint8Array | undefined
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const NO_OPTIONS: WriteOptions = {
  absent: false,
  present: false,
  get: false,
  keepTtl: false,
  persist: false,
  form: undefined,
  time: undefined,
}

/**
 * The options of SET (`of: 'set'`) or GETEX from `args[start]` on, by the rules of Redis: a word that contradicts an
 * earlier one is a syntax error, the same word twice is not. Nothing if they break them.
 */
export function parseWriteOptions(
  args: readonly Uint8Array[],
  start: number,
  of: 'set' | 'getex',
): WriteOptions | undefined {
  if (args.length === start) return NO_OPTIONS
  const options: Mutable<WriteOptions> = { ...NO_OPTIONS }
  for (let i = start; i < args.length; i++) {
    const word = args[i] as Uint8Array
    if (takeFlag(options, word, of)) continue
    const time = args[i + 1]
    const form = TIME_WORDS.find((candidate) => spells(word, candidate))
    if (form === undefined || time === undefined) return undefined
    const other = options.form !== undefined && options.form !== TIME_FORMS[form]
    if (other || options.keepTtl || options.persist) return undefined
    options.form = TIME_FORMS[form]
    options.time = time
    i++
  }
  return options
}

function takeFlag(options: Mutable<WriteOptions>, word: Uint8Array, of: 'set' | 'getex'): boolean {
  const timed = options.form !== undefined
  if (of === 'getex') {
    if (!spells(word, 'persist') || timed) return false
    options.persist = true
    return true
  }
  if (spells(word, 'nx') && !options.present) options.absent = true
  else if (spells(word, 'xx') && !options.absent) options.present = true
  else if (spells(word, 'get')) options.get = true
  else if (spells(word, 'keepttl') && !timed) options.keepTtl = true
  else return false
  return true
}

/** The error of a time that cannot be, as Redis names the command in it. */
export function invalidExpireTime(command: string): Outcome {
  return failure(`ERR invalid expire time in '${command}' command`)
}

/**
 * When something expires, in milliseconds since 1970: at any time, past ones included, when `positive` is
 * false. An outcome instead is the error to answer. Times past 2^53 ms are out of range here; Redis allows 2^63.
 */
export function parseExpireAt(
  time: Uint8Array,
  form: TimeForm,
  now: number,
  command: string,
  positive: boolean,
): number | Outcome {
  const count = parseInteger(time)
  if (count === undefined) return ERRORS.notInteger
  if (positive && count <= 0) return invalidExpireTime(command)
  const ms = multiplyIntegers(count, form.unitMs)
  const at = ms === undefined ? undefined : addIntegers(ms, form.relative ? now : 0)
  if (at === undefined) return invalidExpireTime(command)
  if (typeof at === 'number') return at
  return at < 0 ? Number.MIN_SAFE_INTEGER : invalidExpireTime(command)
}
