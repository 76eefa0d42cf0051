import type { PeerStats } from './counters.ts'
import type { Peer } from './link.ts'
import type { PeerAddress, PeerTarget } from './options.ts'
import type { RequestDone } from './request-table.ts'
import type { PeerLinkInfo } from './slot.ts'

/** Who sent a message or request. */
export type PeerSender = Pick<Peer, 'name' | 'instance'>

/**
 * This member's links. Names are member names everywhere.
 *
 * The listeners of one link are called in this order: `onUp`, its messages and requests in the order in which they were sent,
 * `onDown`; nothing of it comes before or after. The `on…` functions answer with a function that removes the listener.
 */
export interface PeerHub {
  /** Where this hub listens. */
  readonly address: PeerAddress
  /**
   * The links that are wanted. Links of members listed before and not now are closed after a goodbye; an accepted link of a
   * member never listed is closed when it has been left out for `unlistedGraceMs`. Our own name is ignored. O(peers).
   * @throws PeerError `OPTIONS_INVALID`, and then nothing has changed.
   */
  setPeers(peers: readonly PeerTarget[]): void
  /**
   * Sends a message: in order, at most once. `message` is what msgpack carries: null, booleans, numbers, bigints of 64 bits,
   * strings, `Uint8Array`s (no other typed arrays), dates, arrays, plain objects; at most 64 deep, 16 MiB, 1,048,576 values.
   * @returns false when there is no link, or more than `queueBytesMax` would wait.
   * @throws PeerError `MESSAGE_INVALID`, `MESSAGE_TOO_LARGE`.
   */
  send(to: string, message: unknown): boolean
  /**
   * Asks a member. `done` is called exactly once, never within this call, with the reply or a PeerError: `TIMEOUT`,
   * `LINK_DOWN`, `QUEUE_FULL`, `CLOSED`, `REQUEST_FAILED` (its `details.failure` is the code of the other side, its message the
   * text), `MESSAGE_INVALID`, `MESSAGE_TOO_LARGE`, `OPTIONS_INVALID` (`timeoutMs` outside 0 … one day).
   * After `TIMEOUT` and `LINK_DOWN` the other side may or may not have handled it.
   */
  request(
    to: string,
    message: unknown,
    options: { readonly timeoutMs: number },
    done: RequestDone,
  ): void
  /**
   * Breaks the link at once, with what waits, and lets it be made anew: for a caller whose messages must not have gaps and
   * that could not send one. `onDown` is called later, never within this call. Does nothing when there is no link.
   */
  drop(name: string, reason: string): void
  isUp(name: string): boolean
  /** Every link that is up, being made, or wanted. */
  links(): readonly PeerLinkInfo[]
  onUp(listener: (peer: Peer) => void): () => void
  onDown(listener: (peer: Peer, reason: string) => void): () => void
  /** Byte strings in `message` are views of the received bytes: copy what is kept. */
  onMessage(listener: (from: PeerSender, message: unknown) => void): () => void
  /** Answer once with `respond` or `fail`, at any time; later answers do nothing. A listener that throws fails the request. */
  onRequest(
    listener: (
      from: PeerSender,
      message: unknown,
      respond: (reply: unknown) => void,
      fail: (code: string, text: string) => void,
    ) => void,
  ): () => void
  /** A member was reached, but as another instance than setPeers names: it was restarted. Dials go on until setPeers says more. */
  onWrongInstance(listener: (name: string, actualInstance: string) => void): () => void
  stats(): PeerStats
  /**
   * Replaces the cluster keys, the primary first; links under removed keys are closed and made again.
   * @throws PeerError `OPTIONS_INVALID`, also on a hub that was created without keys.
   */
  setKeys(keys: readonly Uint8Array[]): void
  /** Says goodbye on every link, fails what waits with `CLOSED`, stops listening. Idempotent; waits at most `timeoutMs` for bytes in flight. */
  close(options?: { readonly timeoutMs?: number }): Promise<void>
}
