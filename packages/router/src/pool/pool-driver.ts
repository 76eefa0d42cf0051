/**
 * What a listener's session needs from a pool, whatever stands behind it: upstream servers or the embedded store.
 */

/** One parsed command of a client. */
export interface RoutedCommand {
  /** Lower-case name, e.g. `get`. */
  readonly name: string
  /** All arguments, the name included, as the client sent them. */
  readonly args: readonly Uint8Array[]
  /** Index in `args` of the key that decides the owner, or -1 for a command without keys. */
  readonly keyIndex: number
  /** 2 or 3: the RESP version in which the client wants its reply. */
  readonly resp: 2 | 3
}

/** Where a reply goes. */
export interface ReplySink {
  /**
   * Called exactly once per dispatched command, never during `dispatch` of the same command.
   * `bytes` is one complete RESP reply and is not changed afterwards.
   */
  reply(part: number, bytes: Uint8Array): void
}

/** Answers the commands of one pool; the embedding program attaches it. */
export interface PoolDriver {
  /** Runs one command whose keys all have one owner. Never throws; failures are RESP error replies. */
  dispatch(command: RoutedCommand, sink: ReplySink, part: number): void
}
