/**
 * Where entries live: outside the V8 heap, keyed by slot and key. A `Handle` is a small integer that stays
 * valid until the next `put`, `erase` or `clearSlot`; -1 means "no such entry".
 */
export type Handle = number

/** What a key is set to. `removed` entries are tombstones: they carry a version, and no value. */
export interface EntryFields {
  readonly value: Uint8Array
  /** Hybrid logical clock: milliseconds × 2048 + counter, a safe integer. Greater wins. */
  readonly version: number
  /** Unsigned 32-bit number of the member that ordered the write; breaks ties between equal versions, greater wins. */
  readonly writer: number
  /** Milliseconds since 1970 at which the entry expires; 0 means never. */
  readonly expireAt: number
  readonly removed: boolean
}

export interface EntryTable {
  /** Bytes that count against `maxBytes`: keys, values, headers and index. */
  readonly bytes: number
  readonly maxBytes: number
  /** Entries that are not tombstones (expired ones included until they are removed). */
  readonly liveCount: number
  find(slot: number, key: Uint8Array): Handle
  /** A view into the arena, valid until the next change: copy what is kept. */
  keyOf(handle: Handle): Uint8Array
  valueOf(handle: Handle): Uint8Array
  versionOf(handle: Handle): number
  writerOf(handle: Handle): number
  expireAtOf(handle: Handle): number
  isRemoved(handle: Handle): boolean
  slotOf(handle: Handle): number
  /** Inserts or replaces, whatever the versions. False when it does not fit: nothing changed, evict and try again. */
  put(slot: number, key: Uint8Array, fields: EntryFields): boolean
  /** Forgets the entry without a trace. True if there was one. */
  erase(slot: number, key: Uint8Array): boolean
  clearSlot(slot: number): void
  /** Entries of a slot, tombstones included. */
  slotSize(slot: number): number
  slotLiveCount(slot: number): number
  /** Order-independent fingerprint of (key, version, writer) of all entries of the slot; equal contents, equal digests, 0 when empty. A safe integer. */
  slotDigest(slot: number): number
  /**
   * Visits entries of a slot from `cursor` (0 starts) until `visit` returns false or the end; returns the next cursor, 0 at the end.
   * An entry that is present during the whole scan is visited at least once, whatever is put or erased between calls.
   * The entry for which `visit` answers false counts as visited. `visit` must not change the table.
   */
  scan(slot: number, cursor: number, visit: (handle: Handle) => boolean): number
  /** Marks a use, for the LRU; `now` in milliseconds. */
  touch(handle: Handle, now: number): void
  /** A good candidate to evict: the least recently used of `samples` random live entries that `accept` allows, or -1. */
  sampleOldest(
    samples: number,
    random: (bound: number) => number,
    accept: (slot: number) => boolean,
  ): Handle
  /**
   * Live entries whose time has come (`expireAt` ≤ `now`), at most `max`, oldest first as far as cheap; only of
   * slots that `accept` allows, so that entries which another member must remove do not hide ours.
   */
  expired(now: number, max: number, accept?: (slot: number) => boolean): readonly Handle[]
}
