/** An entry as a command sees it; absent when there is none or it has expired. */
export interface CurrentEntry {
  readonly value: Uint8Array
  readonly expireAt: number
}

export type CommandOutcome =
  /** A read, or a write that changes nothing. */
  | { readonly type: 'reply'; readonly reply: Uint8Array }
  | {
      readonly type: 'write'
      readonly reply: Uint8Array
      readonly value: Uint8Array
      readonly expireAt: number
    }
  | { readonly type: 'remove'; readonly reply: Uint8Array }

/** One command on one key at `args[1]`: a pure function of the entry and the time. */
export interface KeyCommand {
  readonly name: string
  /** As Redis counts: the name included, negative for "at least". */
  readonly arity: number
  readonly access: 'read' | 'write'
  readonly run: (
    args: readonly Uint8Array[],
    current: CurrentEntry | undefined,
    now: number,
    resp: 2 | 3,
  ) => CommandOutcome
}

export type CommandFinder = (name: Uint8Array) => KeyCommand | undefined
