import type { WireErrorCode } from '../wire/errors.ts'

/** Numbers since the start; all of them only grow. */
export interface GossipStats {
  readonly packetsIn: number
  readonly packetsOut: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Datagrams that were not sent: a full queue, an address of the other family, an oversized message. */
  readonly packetsUnsent: number
  /** Datagrams and streams from outside the allow list. */
  readonly refusedSources: number
  readonly streamsIn: number
  readonly streamsOut: number
  /** Streams that ended without what they were opened for. */
  readonly streamsFailed: number
  /** Streams that a limit closed before they were read. */
  readonly streamsRefused: number
  readonly exchanges: number
  /** States of other clusters, which were refused as a whole. */
  readonly foreignStates: number
  /** Members that failed again and again; see the event `flap`. */
  readonly flaps: number
  readonly pings: number
  readonly acks: number
  readonly streamPings: number
  readonly userMessagesIn: number
  readonly userMessagesOut: number
  /** User messages of others than Ringway members, which nobody here understands. */
  readonly userMessagesForeign: number
  /** Exceptions of listeners and of ours that were contained. */
  readonly containedErrors: number
  /** Times that our timers were noticeably late, and the longest of them. */
  readonly lags: number
  readonly lagMaxMs: number
  readonly decodeErrors: Readonly<Partial<Record<WireErrorCode, number>>>
}

type CounterName = Exclude<keyof GossipStats, 'decodeErrors' | 'lagMaxMs'>

const ZERO = {
  packetsIn: 0,
  packetsOut: 0,
  bytesIn: 0,
  bytesOut: 0,
  packetsUnsent: 0,
  refusedSources: 0,
  streamsIn: 0,
  streamsOut: 0,
  streamsFailed: 0,
  streamsRefused: 0,
  exchanges: 0,
  foreignStates: 0,
  flaps: 0,
  pings: 0,
  acks: 0,
  streamPings: 0,
  userMessagesIn: 0,
  userMessagesOut: 0,
  userMessagesForeign: 0,
  containedErrors: 0,
  lags: 0,
} as const satisfies Record<CounterName, number>

/** The counters of one memberlist. */
export class Counters {
  readonly #values: Record<CounterName, number> = { ...ZERO }
  readonly #decodeErrors = new Map<WireErrorCode, number>()
  #lagMaxMs = 0

  add(name: CounterName, amount = 1): void {
    this.#values[name] += amount
  }

  addDecodeError(code: WireErrorCode): void {
    this.#decodeErrors.set(code, (this.#decodeErrors.get(code) ?? 0) + 1)
  }

  addLag(lagMs: number): void {
    this.#values.lags += 1
    this.#lagMaxMs = Math.max(this.#lagMaxMs, lagMs)
  }

  snapshot(): GossipStats {
    return {
      ...this.#values,
      lagMaxMs: this.#lagMaxMs,
      decodeErrors: Object.fromEntries(this.#decodeErrors),
    }
  }
}
