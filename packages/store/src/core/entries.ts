import type { EntryTable, Handle } from './entry-table.ts'
import { millisOf, versionAt } from './hybrid-clock.ts'
import type { Machine } from './machine.ts'
import type { EntryRow, FlushRow } from './messages.ts'
import { EVICTIONS_PER_WRITE_MAX, EXPIRED_PER_UPKEEP_MAX } from './options.ts'
import { SERVING } from './view.ts'

const NO_BYTES = new Uint8Array(0)
const EVICTION_SAMPLES = 5
/** Slots searched for old tombstones per entry that needs room. */
const PURGE_SLOTS_PER_WRITE = 64
/** A replica forgets an expired entry by itself when its primary has said nothing for this long. */
const EXPIRED_GRACE_MS = 60_000

export type MergeResult = 'applied' | 'older' | 'full' | 'clock'

/** The table with the rules of versions: last writer wins, flushes and forgotten tombstones stay in force, room is made. */
export class Entries {
  readonly table: EntryTable
  readonly #machine: Machine
  #purgeSlot = 0
  #evicting = false

  constructor(machine: Machine, table: EntryTable) {
    this.#machine = machine
    this.table = table
  }

  /** Merges an entry that another member has. */
  merge(row: EntryRow): MergeResult {
    const { table } = this
    const [slot, key, value, version, writer, expireAt, removed] = row
    if (!this.#machine.clock.observe(version, this.#machine.now)) {
      this.#machine.counters.refusedClock++
      return 'clock'
    }
    if (!this.isNewer(slot, key, version, writer)) return 'older'
    if (this.#machine.planted === 'drop-tombstone' && removed === 1) {
      table.erase(slot, key)
      return 'applied'
    }
    return this.put(slot, key, value, version, writer, expireAt, removed === 1) ? 'applied' : 'full'
  }

  /** True when an entry of this version would change what this member has. */
  isNewer(slot: number, key: Uint8Array, version: number, writer: number): boolean {
    const { table } = this
    const { view } = this.#machine
    if (version <= (view.flushed[slot] ?? 0)) return false
    const handle = table.find(slot, key)
    if (handle === -1) return !this.#isForgotten(slot, version)
    const known = table.versionOf(handle)
    return version > known || (version === known && writer > table.writerOf(handle))
  }

  /**
   * A holder has every entry that is older than tombstones live; one that it lacks was deleted, and its tombstone is
   * gone. Taking it back would revive the key.
   */
  #isForgotten(slot: number, version: number): boolean {
    const { view, now, options } = this.#machine
    if (!view.holds(0, slot)) return false
    return version <= Math.max(view.purged[slot] ?? 0, versionAt(now - options.tombstoneMs))
  }

  /** Stores, evicting where the policy allows. False when there is no room. */
  put(
    slot: number,
    key: Uint8Array,
    value: Uint8Array,
    version: number,
    writer: number,
    expireAt: number,
    removed: boolean,
  ): boolean {
    // A tombstone "expires" when it may be forgotten, so that the table's expiry index finds it.
    const until = removed ? millisOf(version) + this.#machine.options.tombstoneMs : expireAt
    const fields = { value: removed ? NO_BYTES : value, version, writer, expireAt: until, removed }
    if (this.table.put(slot, key, fields)) return true
    // Making room stores tombstones of its own: those do not make room in turn.
    if (this.#evicting) return false
    for (let i = 0; i < EVICTIONS_PER_WRITE_MAX; i++) {
      if (!this.#makeRoom(slot, key)) return false
      if (this.table.put(slot, key, fields)) return true
    }
    return false
  }

  #makeRoom(slot: number, key: Uint8Array): boolean {
    if (this.#purgeTombstones()) return true
    if (this.#machine.options.maxMemoryPolicy === 'noeviction') return false
    const handle = this.table.sampleOldest(
      EVICTION_SAMPLES,
      this.#machine.options.random,
      () => true,
    )
    if (handle === -1) return false
    const victimSlot = this.table.slotOf(handle)
    const victim = this.table.keyOf(handle).slice()
    if (victimSlot === slot && sameBytes(victim, key)) return false
    this.#machine.counters.evictions++
    this.#evicting = true
    if (this.#machine.view.role[victimSlot] === SERVING)
      this.#machine.writes.evict(victimSlot, victim)
    else this.table.erase(victimSlot, victim)
    this.#evicting = false
    return true
  }

  /** Forgets tombstones before their time, remembering up to which version: a holder then refuses unknown entries below it. */
  #purgeTombstones(): boolean {
    const { view } = this.#machine
    let purged = false
    for (let i = 0; i < PURGE_SLOTS_PER_WRITE && !purged; i++) {
      const slot = this.#purgeSlot
      this.#purgeSlot = (slot + 1) % view.slotCount
      if (this.table.slotSize(slot) === this.table.slotLiveCount(slot)) continue
      for (const { key, version } of this.#tombstones(slot)) {
        view.purged[slot] = Math.max(view.purged[slot] ?? 0, version)
        this.table.erase(slot, key)
        purged = true
      }
    }
    return purged
  }

  #tombstones(slot: number): { key: Uint8Array; version: number }[] {
    const found: { key: Uint8Array; version: number }[] = []
    this.forEach(slot, (handle) => {
      if (this.table.isRemoved(handle))
        found.push({ key: this.table.keyOf(handle).slice(), version: this.table.versionOf(handle) })
    })
    return found
  }

  /** Visits every entry of a slot; `visit` must not change the table. */
  forEach(slot: number, visit: (handle: Handle) => void): void {
    this.table.scan(slot, 0, (handle) => {
      visit(handle)
      return true
    })
  }

  row(handle: Handle): EntryRow {
    const { table } = this
    const removed = table.isRemoved(handle)
    return [
      table.slotOf(handle),
      table.keyOf(handle),
      table.valueOf(handle),
      table.versionOf(handle),
      table.writerOf(handle),
      removed ? 0 : table.expireAtOf(handle),
      removed ? 1 : 0,
    ]
  }

  /** The flush versions among these slots. */
  flushRows(slots: readonly number[]): FlushRow[] {
    const rows: FlushRow[] = []
    for (const slot of slots) {
      const version = this.#machine.view.flushed[slot] ?? 0
      if (version > 0) rows.push([slot, version])
    }
    return rows
  }

  allFlushRows(): FlushRow[] {
    const rows: FlushRow[] = []
    this.#machine.view.flushed.forEach((version, slot) => {
      if (version > 0) rows.push([slot, version])
    })
    return rows
  }

  applyFlushes(rows: readonly FlushRow[]): void {
    for (const [slot, version] of rows) {
      if (slot < 0 || slot >= this.#machine.view.slotCount) continue
      if (this.#machine.clock.observe(version, this.#machine.now)) this.flush(slot, version)
    }
  }

  /** Everything in the slot at or below the version is gone, now and when it comes back from elsewhere. */
  flush(slot: number, version: number): void {
    const { view } = this.#machine
    if (version <= (view.flushed[slot] ?? 0)) return
    view.flushed[slot] = version
    const doomed: Uint8Array[] = []
    this.forEach(slot, (handle) => {
      if (this.table.versionOf(handle) <= version) doomed.push(this.table.keyOf(handle).slice())
    })
    for (const key of doomed) this.table.erase(slot, key)
  }

  /** The primary turns expired entries into versioned removals; everyone forgets tombstones whose time has come. */
  expire(): void {
    const { now, view, writes, counters } = this.#machine
    const due = this.table.expired(now, EXPIRED_PER_UPKEEP_MAX).map((handle) => ({
      slot: this.table.slotOf(handle),
      key: this.table.keyOf(handle).slice(),
      removed: this.table.isRemoved(handle),
      since: now - this.table.expireAtOf(handle),
    }))
    for (const { slot, key, removed, since } of due) {
      if (removed) this.table.erase(slot, key)
      else if (view.role[slot] === SERVING) {
        counters.expired++
        writes.evict(slot, key)
      } else if (since > EXPIRED_GRACE_MS) this.table.erase(slot, key)
    }
  }
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
