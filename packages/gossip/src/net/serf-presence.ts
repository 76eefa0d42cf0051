import { decodeSerfClocks, decodeSerfIntent, encodeLeaveIntent } from '../wire/serf.ts'

/** Above this a Lamport time is not a count of anything; believing it would leave no time to go on with. */
const LAMPORT_TIME_SANE_MAX = 1n << 62n

/**
 * What a member of a Serf cluster has to remember: the latest Lamport time that was seen, so that its own
 * leave intent is newer than every status that Serf holds of it.
 */
export class SerfPresence {
  #lTime = 0n

  /** The latest Lamport time of joins and leaves. */
  get lTime(): bigint {
    return this.#lTime
  }

  observeUser(payload: Uint8Array): void {
    const intent = decodeSerfIntent(payload)
    if (intent !== undefined) this.#witness(intent.lTime)
  }

  observeState(userState: Uint8Array): void {
    const clocks = decodeSerfClocks(userState)
    if (clocks !== undefined) this.#witness(clocks.lTime)
  }

  /** The payload that makes Serf show `name` as left; a later call is newer. */
  leaveIntent(name: string): Uint8Array {
    this.#lTime += 1n
    return encodeLeaveIntent(name, this.#lTime)
  }

  #witness(lTime: bigint): void {
    if (lTime > this.#lTime && lTime < LAMPORT_TIME_SANE_MAX) this.#lTime = lTime
  }
}
