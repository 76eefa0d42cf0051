import type { RequestFrame } from '../codec/resp/request-frame.ts'
import type { KeySpec } from './redis-command.ts'

/** Why a command's keys could not be found: Redis's own texts. */
export type KeysFound =
  | { readonly type: 'keys'; readonly indexes: readonly number[] }
  | { readonly type: 'error'; readonly text: string }

const SYNTAX: KeysFound = { type: 'error', text: 'ERR syntax error' }
const BLOCKING: KeysFound = {
  type: 'error',
  text: 'ERR the BLOCK option is not routed yet: blocking commands',
}

/** Argument indexes of all keys, in the order in which the client sent them. O(arguments). */
export function findKeys(spec: KeySpec, frame: RequestFrame, name: string): KeysFound {
  switch (spec.type) {
    case 'none':
      return { type: 'keys', indexes: [] }
    case 'range':
      return rangeKeys(spec, frame, name)
    case 'counted':
      return countedKeys(spec, frame)
    case 'option':
      return optionKeys(spec, frame)
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
  // The arity lets `OBJECT HELP` pass, which has no key; a key without its value (`MSET a`) ends the range early.
  if (last < spec.first || last >= frame.argc || (last - spec.first + 1) % spec.step !== 0)
    return { type: 'error', text: wrongArity(name) }
  const indexes: number[] = []
  for (let at = spec.first; at <= last; at += spec.step) indexes.push(at)
  return { type: 'keys', indexes }
}

function countedKeys(spec: Extract<KeySpec, { type: 'counted' }>, frame: RequestFrame): KeysFound {
  const text = frame.text(spec.at)
  const count = /^[1-9]\d{0,6}$/.test(text) ? Number(text) : 0
  if (count === 0) return { type: 'error', text: 'ERR numkeys should be greater than 0' }
  if (spec.first + count > frame.argc) return SYNTAX
  const indexes: number[] = spec.extra > 0 ? [spec.extra] : []
  for (let i = 0; i < count; i++) indexes.push(spec.first + i)
  return { type: 'keys', indexes }
}

function optionKeys(spec: Extract<KeySpec, { type: 'option' }>, frame: RequestFrame): KeysFound {
  const indexes = [1]
  for (let at = 2; at < frame.argc - 1; at++)
    if (spec.options.includes(frame.text(at).toUpperCase())) indexes.push(at + 1)
  return { type: 'keys', indexes }
}

function streamKeys(frame: RequestFrame): KeysFound {
  for (let at = 1; at < frame.argc; at++) {
    const word = frame.text(at).toUpperCase()
    if (word === 'BLOCK') return BLOCKING
    // The name of a group may read like an option.
    if (word === 'GROUP') at += 2
    if (word !== 'STREAMS') continue
    const rest = frame.argc - at - 1
    if (rest === 0 || rest % 2 !== 0)
      return {
        type: 'error',
        text: "ERR Unbalanced 'xread' list of streams: for each stream key an ID or '$' must be specified.",
      }
    return {
      type: 'keys',
      indexes: Array.from({ length: rest / 2 }, (_, i) => at + 1 + i),
    }
  }
  return SYNTAX
}

/** Redis's text for a wrong number of arguments. */
export function wrongArity(name: string): string {
  return `ERR wrong number of arguments for '${name}' command`
}
