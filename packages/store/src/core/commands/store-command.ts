/** An entry as a command sees it: there is none when the key is absent, removed or expired. */
export interface Current {
  readonly value: Uint8Array
  /** Milliseconds since 1970 at which the entry expires; 0 means never. */
  readonly expireAt: number
}

/** What a command decided. The caller carries it out, replicates it, and sends the reply. */
export type Outcome =
  /** A read, or a write that changes nothing. */
  | { readonly type: 'reply'; readonly reply: Uint8Array }
  /**
   * Set the key to this value and expiry (0 for none). `value` may be the argument, or `current.value` itself:
   * copy it if it has to outlive the buffers that these came in.
   */
  | {
      readonly type: 'write'
      readonly reply: Uint8Array
      readonly value: Uint8Array
      readonly expireAt: number
    }
  /** Remove the key, which exists. */
  | { readonly type: 'remove'; readonly reply: Uint8Array }

/**
 * What a command does: a pure function of its arguments (`args[0]` is its name, `args[1]` its only key), the
 * entry, the time in milliseconds since 1970, and the protocol version of the client. The caller has checked the arity.
 */
export type CommandRun = (
  args: readonly Uint8Array[],
  current: Current | undefined,
  now: number,
  resp: 2 | 3,
) => Outcome

/** One command of Redis on one key. */
export interface StoreCommand {
  /** In lower case, as error texts show it. */
  readonly name: string
  /** Number of arguments, the name included; negative for "at least", as Redis counts. */
  readonly arity: number
  readonly access: 'read' | 'write'
  readonly run: CommandRun
}
