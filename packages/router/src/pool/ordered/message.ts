import type { RespVersion } from '../../codec/resp/encode.ts'

/**
 * What routers say to each other so that the writes of a key have one order (`orderWrites`). Structured-cloneable; the embedding
 * program carries it, in order, to the one router that it is for. The `id` of a question is the sender's own.
 */
export type OrderedMessage = { readonly pool: string } & (
  | { readonly type: 'commands'; readonly commands: readonly ForwardedCommand[] }
  | { readonly type: 'replies'; readonly replies: readonly ForwardedReply[] }
  /** The sender goes by the ring of routers with this digest, and nothing that it ordered before is still under way. */
  | { readonly type: 'settled'; readonly ring: string }
  /** The sender orders nothing any more: it closes. */
  | { readonly type: 'leaving' }
  /** The sender wants to copy a key while nobody writes it; `granted` or `denied`, and `unlock` when it is done. */
  | { readonly type: 'lock'; readonly id: number; readonly key: Uint8Array }
  | { readonly type: 'granted' | 'denied' | 'unlock'; readonly id: number }
)

/** One command of a client of the sender. */
export interface ForwardedCommand {
  readonly id: number
  /** How often it was forwarded, this time included: 1 or 2. */
  readonly hops: number
  readonly resp: RespVersion
  /** One whole command in RESP. */
  readonly bytes: Uint8Array
}

export interface ForwardedReply {
  readonly id: number
  /** One whole reply, in the version that was asked for; absent: the receiver does not order this key, and did nothing. */
  readonly bytes?: Uint8Array
}

/** A command is forwarded once more by who is not its home, and after that not again. */
export const FORWARD_HOPS_MAX = 2

/** Commands or replies of one message; more go into a further one. */
export const FORWARDED_MAX = 1_000

/** Bytes at which a message is full. One larger command or reply has a message of its own. */
export const FORWARDED_BYTES_MAX = 1024 * 1024

/** Items in their order, as groups that a message may carry. */
export function* messageGroups<T extends { readonly bytes?: Uint8Array }>(
  items: readonly T[],
): Iterable<readonly T[]> {
  let group: T[] = []
  let bytes = 0
  for (const item of items) {
    const length = item.bytes?.length ?? 0
    const full = group.length >= FORWARDED_MAX || bytes + length > FORWARDED_BYTES_MAX
    if (full && group.length > 0) {
      yield group
      group = []
      bytes = 0
    }
    group.push(item)
    bytes += length
  }
  if (group.length > 0) yield group
}
