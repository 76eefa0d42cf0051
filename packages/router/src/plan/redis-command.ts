import type { GatherKind } from './gather.ts'

/** Where the keys of a command are. Indexes count the name as 0, as Redis's `COMMAND INFO` does. */
export type KeySpec =
  | { readonly type: 'none' }
  /** Every `step`-th argument from `first` to `last`; a negative `last` counts from the end. */
  | { readonly type: 'range'; readonly first: number; readonly last: number; readonly step: number }
  /** The argument at `at` says how many keys begin at `first`; `extra` is one more key (a destination), or 0. */
  | {
      readonly type: 'counted'
      readonly at: number
      readonly first: number
      readonly extra: number
    }
  /** The first argument, and the argument after each of these options. */
  | { readonly type: 'option'; readonly options: readonly string[] }
  /** The first half of what follows `STREAMS`. */
  | { readonly type: 'streams' }

/** What becomes of a command. */
export type RedisRun =
  /** All keys have one owner, which answers it. */
  | { readonly type: 'owner' }
  /** Keys may have different owners: one command per owner, and one reply made of theirs. */
  | { readonly type: 'split'; readonly gather: GatherKind }
  /** Every backend of the pool answers it. */
  | { readonly type: 'all'; readonly gather: GatherKind }
  /** The router answers it. */
  | { readonly type: 'here' }
  /** Not routed yet: what is missing. */
  | { readonly type: 'later'; readonly reason: string }
  /** Not routed, by design: why. */
  | { readonly type: 'refused'; readonly reason: string }

/** One row of the table of Redis commands. */
export interface RedisCommand {
  /** Lower-case name. */
  readonly name: string
  /** Number of arguments with the name; negative: at least that many. */
  readonly arity: number
  readonly access: 'read' | 'write' | 'none'
  readonly keys: KeySpec
  readonly run: RedisRun
  /** `safe`: may be sent again though a backend may have run it. */
  readonly retry: 'safe' | 'never'
}

export type CommandRow = Omit<RedisCommand, 'name'>
type Access = RedisCommand['access']

export const NO_KEYS: KeySpec = { type: 'none' }
export const FIRST: KeySpec = { type: 'range', first: 1, last: 1, step: 1 }
export const STREAMS: KeySpec = { type: 'streams' }

export function range(first: number, last: number, step: number): KeySpec {
  return { type: 'range', first, last, step }
}

export function counted(at: number, first: number, extra = 0): KeySpec {
  return { type: 'counted', at, first, extra }
}

export function withOption(options: readonly string[]): KeySpec {
  return { type: 'option', options }
}

export function owner(arity: number, access: Access, keys: KeySpec): CommandRow {
  return row(arity, access, keys, { type: 'owner' })
}

export function split(arity: number, access: Access, step: number, gather: GatherKind): CommandRow {
  return row(arity, access, range(1, -1, step), { type: 'split', gather })
}

export function all(arity: number, access: Access, gather: GatherKind): CommandRow {
  return row(arity, access, NO_KEYS, { type: 'all', gather })
}

export function here(arity: number): CommandRow {
  return row(arity, 'none', NO_KEYS, { type: 'here' })
}

export function later(arity: number, access: Access, reason: string): CommandRow {
  return row(arity, access, NO_KEYS, { type: 'later', reason })
}

export function refused(arity: number, access: Access, reason: string): CommandRow {
  return row(arity, access, NO_KEYS, { type: 'refused', reason })
}

function row(arity: number, access: Access, keys: KeySpec, run: RedisRun): CommandRow {
  return { arity, access, keys, run, retry: access === 'read' ? 'safe' : 'never' }
}
