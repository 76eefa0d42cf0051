import type { RequestFrame } from '../codec/resp/request-frame.ts'
import type { KeySpec } from './redis-command.ts'

/** Why a command's keys could not be found: Redis's own texts. */
export type KeysFound =
  | { readonly type: 'keys'; readonly indexes: readonly number[] }
  | { readonly type: 'error'; readonly text: string }

/** Argument indexes of all keys, in the order in which the client sent them. O(arguments). */
export function findKeys(spec: KeySpec, frame: RequestFrame, name: string): KeysFound {
  switch (spec.type) {
    case 'none':
      return { type: 'keys', indexes: [] }
    case 'range':
      return rangeKeys(spec, frame, name)
    case 'counted':
      return spec.optional ? scriptKeys(spec, frame) : countedKeys(spec, frame, name)
    case 'option':
      return {
        type: 'keys',
        indexes: [1, ...storeKeys(spec.options, frame, spec.from, NO_VALUES)],
      }
    case 'sorting':
      return { type: 'keys', indexes: [1, ...storeKeys(spec.options, frame, 2, SORT_VALUES)] }
    case 'streams':
      return streamKeys(frame)
    default:
      return spec satisfies never
  }
}

function rangeKeys(
  spec: Extract<KeySpec, { type: 'range' }>,
  frame: RequestFrame,
  name: string,
): KeysFound {
  const last = spec.last < 0 ? frame.argc + spec.last : spec.last
  // A key without its value (`MSET a`) ends the range early.
  const whole = spec.last < 0 && spec.step > 1 ? frame.argc - spec.first : last - spec.first + 1
  if (last < spec.first || last >= frame.argc || whole % spec.step !== 0)
    return refusal(wrongArity(name))
  const indexes: number[] = []
  for (let at = spec.first; at <= last; at += spec.step) indexes.push(at)
  return { type: 'keys', indexes }
}

function countedKeys(
  spec: Extract<KeySpec, { type: 'counted' }>,
  frame: RequestFrame,
  name: string,
): KeysFound {
  const text = frame.text(spec.at)
  const count = wholeNumber(text)
  if (count === undefined || count <= 0) return refusal(noKeys(name, count))
  if (spec.first + count > frame.argc)
    return refusal(
      name === 'sintercard' || name === 'zintercard'
        ? "ERR Number of keys can't be greater than number of args"
        : SYNTAX,
    )
  const indexes: number[] = spec.extra > 0 ? [spec.extra] : []
  for (let i = 0; i < count; i++) indexes.push(spec.first + i)
  return { type: 'keys', indexes }
}

/** Redis has two texts for a number of keys that is none, and one for a sorted set operation. */
function noKeys(name: string, count: number | undefined): string {
  if (!name.startsWith('z') || name === 'zmpop') return 'ERR numkeys should be greater than 0'
  return count === undefined
    ? 'ERR value is not an integer or out of range'
    : `ERR at least 1 input key is needed for '${name}' command`
}

/** EVAL and FCALL may name no key at all. */
function scriptKeys(spec: Extract<KeySpec, { type: 'counted' }>, frame: RequestFrame): KeysFound {
  const count = wholeNumber(frame.text(spec.at))
  if (count === undefined) return refusal('ERR value is not an integer or out of range')
  if (count < 0) return refusal("ERR Number of keys can't be negative")
  if (spec.first + count > frame.argc)
    return refusal("ERR Number of keys can't be greater than number of args")
  return { type: 'keys', indexes: Array.from({ length: count }, (_, i) => spec.first + i) }
}

const NO_VALUES: Readonly<Record<string, number>> = {}
/** Options of SORT and how many values they have, which may read like options. */
const SORT_VALUES: Readonly<Record<string, number>> = { LIMIT: 2, BY: 1, GET: 1 }

/** The keys after these options. Redis stores under the last one only; that all have one owner is safe whichever it takes. */
function storeKeys(
  options: readonly string[],
  frame: RequestFrame,
  from: number,
  values: Readonly<Record<string, number>>,
): readonly number[] {
  const found: number[] = []
  for (let at = from; at < frame.argc - 1; at++) {
    const word = frame.text(at).toUpperCase()
    if (options.includes(word)) found.push(++at)
    else at += values[word] ?? 0
  }
  return found
}

function streamKeys(frame: RequestFrame): KeysFound {
  const at = streamsAt(frame)
  if (at < 0) return refusal(SYNTAX)
  const rest = frame.argc - at - 1
  if (rest === 0 || rest % 2 !== 0)
    return refusal(
      "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.",
    )
  return { type: 'keys', indexes: Array.from({ length: rest / 2 }, (_, i) => at + 1 + i) }
}

/** Where the word STREAMS is; -1 when there is none. */
function streamsAt(frame: RequestFrame): number {
  for (let at = 1; at < frame.argc; at++) {
    const word = frame.text(at).toUpperCase()
    if (word === 'STREAMS') return at
    // The name of a group or consumer may read like an option, as may the value of COUNT and BLOCK.
    if (word === 'GROUP') at += 2
    else if (word === 'COUNT' || word === 'BLOCK') at++
  }
  return -1
}

/** Where the milliseconds of BLOCK are in XREAD or XREADGROUP; -1 when it does not block. */
export function blockAt(frame: RequestFrame): number {
  const end = streamsAt(frame)
  for (let at = 1; at < end - 1; at++) {
    const word = frame.text(at).toUpperCase()
    if (word === 'BLOCK') return at + 1
    if (word === 'GROUP') at += 2
    else if (word === 'COUNT') at++
  }
  return -1
}

/**
 * The index of a BY or GET pattern of SORT that names keys of its own (`weight_*`), whose owners nobody can know; -1 when
 * there is none. `BY nosort` and `GET #` name none, and `{tag}` before the star keeps all of them together.
 */
export function sortPatternAt(frame: RequestFrame, from: number): number {
  for (let at = from; at < frame.argc - 1; at++) {
    const word = frame.text(at).toUpperCase()
    if (word === 'LIMIT') at += 2
    else if (word === 'STORE') at++
    else if (word === 'BY' || word === 'GET') {
      at++
      if (frame.text(at).includes('*') || (word === 'GET' && frame.text(at) !== '#')) return at
    }
  }
  return -1
}

const SYNTAX = 'ERR syntax error'

function refusal(text: string): KeysFound {
  return { type: 'error', text }
}

function wholeNumber(text: string): number | undefined {
  return /^(0|-?[1-9]\d{0,8})$/.test(text) ? Number(text) : undefined
}

/** Redis's text for a wrong number of arguments. */
export function wrongArity(name: string): string {
  return `ERR wrong number of arguments for '${name}' command`
}

/** Arguments as binary text, one character per byte. */
export function textsOf(frame: RequestFrame, indexes: readonly number[]): readonly string[] {
  return indexes.map((at) => frame.bytes.toString('latin1', frame.from(at), frame.to(at)))
}
