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
      /** True where 0 keys are allowed (scripts). */
      readonly optional: boolean
    }
  /** The first argument, and the argument after each of these options, which are looked for from `from` on. */
  | { readonly type: 'option'; readonly options: readonly string[]; readonly from: number }
  /** As `option`, and no BY or GET pattern may name keys of other owners. */
  | { readonly type: 'sorting'; readonly options: readonly string[] }
  /** The first half of what follows `STREAMS`. */
  | { readonly type: 'streams' }

/** Commands that take several steps and end in one reply; each is a function of `proxy/flow`. */
export type FlowName =
  | 'dbsize'
  | 'info'
  | 'keys'
  | 'kill'
  | 'publish'
  | 'pubsub'
  | 'randomkey'
  | 'scan'
  | 'script'
  | 'script-exists'
  | 'script-flush'
  | 'script-load'
  | 'wait'

/** What a reader of the documentation calls it. */
export type Treatment =
  | 'routed'
  | 'split'
  | 'gathered'
  | 'here'
  | 'pinned'
  | 'subscription'
  | 'refused'

/** What becomes of a command. */
export type RedisRun =
  /** All keys have one owner, which answers it. */
  | { readonly type: 'owner' }
  /** Keys may have different owners: one command per owner, and one reply made of theirs. */
  | { readonly type: 'split'; readonly gather: GatherKind }
  /** Every backend of the pool answers it. */
  | { readonly type: 'all'; readonly gather: GatherKind }
  /** All backends would answer the same: one fixed backend does. */
  | { readonly type: 'first' }
  /** The router answers it. */
  | { readonly type: 'here' }
  /**
   * The owner of its keys may make it wait, so it has a connection of its own. `timeout` is the argument with the seconds
   * (negative: counted from the end), or `block` for the option BLOCK with milliseconds, without which nothing waits.
   */
  | { readonly type: 'blocking'; readonly timeout: number | 'block' }
  | { readonly type: 'flow'; readonly flow: FlowName; readonly treatment: Treatment }
  /** WATCH, MULTI and what ends them: a state of the session. */
  | { readonly type: 'transaction' }
  /** SUBSCRIBE and its kin: a state of the session. */
  | { readonly type: 'subscription' }
  /** The second word names the row. */
  | { readonly type: 'container' }
  /** Not routed, by design: why. */
  | { readonly type: 'refused'; readonly reason: string }

/** One row of the table of Redis commands. */
export interface RedisCommand {
  /** Lower-case name; `container|subcommand` where the second word belongs to it. */
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
export const SECOND: KeySpec = { type: 'range', first: 2, last: 2, step: 1 }
export const STREAMS: KeySpec = { type: 'streams' }

export function range(first: number, last: number, step: number): KeySpec {
  return { type: 'range', first, last, step }
}

export function counted(at: number, first: number, extra = 0): KeySpec {
  return { type: 'counted', at, first, extra, optional: false }
}

export function withOption(options: readonly string[], from: number): KeySpec {
  return { type: 'option', options, from }
}

export function sorting(options: readonly string[]): KeySpec {
  return { type: 'sorting', options }
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

export function first(arity: number): CommandRow {
  return row(arity, 'read', NO_KEYS, { type: 'first' })
}

export function here(arity: number): CommandRow {
  return row(arity, 'none', NO_KEYS, { type: 'here' })
}

export function blocking(
  arity: number,
  access: Access,
  keys: KeySpec,
  timeout: number | 'block',
): CommandRow {
  return row(arity, access, keys, { type: 'blocking', timeout })
}

export function script(arity: number, access: Access): CommandRow {
  const keys: KeySpec = { type: 'counted', at: 2, first: 3, extra: 0, optional: true }
  return row(arity, access, keys, { type: 'flow', flow: 'script', treatment: 'routed' })
}

export function flow(
  arity: number,
  name: FlowName,
  treatment: Treatment,
  access: Access = 'none',
): CommandRow {
  return row(arity, access, NO_KEYS, { type: 'flow', flow: name, treatment })
}

export function transaction(arity: number, keys: KeySpec = NO_KEYS): CommandRow {
  return row(arity, 'none', keys, { type: 'transaction' })
}

export function subscription(arity: number): CommandRow {
  return row(arity, 'none', NO_KEYS, { type: 'subscription' })
}

export function container(arity: number): CommandRow {
  return row(arity, 'none', NO_KEYS, { type: 'container' })
}

export function refused(arity: number, access: Access, reason: string): CommandRow {
  return row(arity, access, NO_KEYS, { type: 'refused', reason })
}

/** What the documentation says about a row. */
export function treatmentOf({ run }: RedisCommand): Treatment {
  switch (run.type) {
    case 'owner':
    case 'first':
      return 'routed'
    case 'split':
    case 'here':
    case 'refused':
    case 'subscription':
      return run.type
    case 'all':
      return 'gathered'
    case 'blocking':
    case 'transaction':
      return 'pinned'
    case 'flow':
      return run.treatment
    case 'container':
      return 'here'
    default:
      return run satisfies never
  }
}

function row(arity: number, access: Access, keys: KeySpec, run: RedisRun): CommandRow {
  return { arity, access, keys, run, retry: access === 'read' ? 'safe' : 'never' }
}
