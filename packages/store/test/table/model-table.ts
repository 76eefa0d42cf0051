import type { EntryFields, EntryTable, Handle } from '../../src/core/entry-table.ts'
import {
  addFingerprint,
  entryFingerprint,
  removeFingerprint,
} from '../../src/core/table/fingerprint.ts'

interface ModelEntry {
  readonly id: number
  readonly slot: number
  readonly key: Uint8Array
  readonly fields: EntryFields
  usedAt: number
}

/** What the model counts for one entry beside its key and value. */
export const MODEL_ENTRY_BYTES = 100

const NO_BYTES = new Uint8Array(0)

const name = (key: Uint8Array): string => {
  let text = ''
  for (const byte of key) text += String.fromCharCode(byte)
  return text
}

/**
 * The naive truth that the real table is tested against: Maps of objects. It keeps the whole contract of
 * {@link EntryTable}, and no promise about memory or speed.
 */
export function createModelTable(options: { readonly maxBytes: number }): EntryTable {
  const slots = new Map<number, Map<string, ModelEntry>>()
  const byId = new Map<Handle, ModelEntry>()
  const digests = new Map<number, number>()
  let nextId = 1
  let bytes = 0
  let liveCount = 0

  const entry = (handle: Handle): ModelEntry => {
    const found = byId.get(handle)
    if (found === undefined) throw new Error(`stale handle ${handle}`)
    return found
  }
  const cost = (e: ModelEntry): number => MODEL_ENTRY_BYTES + e.key.length + e.fields.value.length
  const fingerprint = (e: ModelEntry): number =>
    entryFingerprint(e.key, e.fields.version, e.fields.writer)
  const forget = (e: ModelEntry): void => {
    byId.delete(e.id)
    slots.get(e.slot)?.delete(name(e.key))
    digests.set(e.slot, removeFingerprint(digests.get(e.slot) ?? 0, fingerprint(e)))
    bytes -= cost(e)
    if (!e.fields.removed) liveCount--
  }
  const remember = (e: ModelEntry): void => {
    byId.set(e.id, e)
    const slot = slots.get(e.slot) ?? new Map<string, ModelEntry>()
    slots.set(e.slot, slot.set(name(e.key), e))
    digests.set(e.slot, addFingerprint(digests.get(e.slot) ?? 0, fingerprint(e)))
    bytes += cost(e)
    if (!e.fields.removed) liveCount++
  }
  const entriesOf = (slot: number): ModelEntry[] => [...(slots.get(slot)?.values() ?? [])]

  return {
    maxBytes: options.maxBytes,
    get bytes() {
      return bytes
    },
    get liveCount() {
      return liveCount
    },
    find: (slot, key) => slots.get(slot)?.get(name(key))?.id ?? -1,
    keyOf: (handle) => entry(handle).key,
    valueOf: (handle) => entry(handle).fields.value,
    versionOf: (handle) => entry(handle).fields.version,
    writerOf: (handle) => entry(handle).fields.writer,
    expireAtOf: (handle) => entry(handle).fields.expireAt,
    isRemoved: (handle) => entry(handle).fields.removed,
    slotOf: (handle) => entry(handle).slot,
    put(slot, key, fields) {
      const old = slots.get(slot)?.get(name(key))
      const value = fields.removed ? NO_BYTES : fields.value.slice()
      // A write is a use: its version carries the time.
      const usedAt = Math.max(old?.usedAt ?? 0, Math.floor(fields.version / 2048))
      const id = old?.id ?? nextId
      const fresh = { id, slot, key: key.slice(), fields: { ...fields, value }, usedAt }
      if (bytes - (old === undefined ? 0 : cost(old)) + cost(fresh) > options.maxBytes) return false
      if (old === undefined) nextId++
      else forget(old)
      remember(fresh)
      return true
    },
    erase(slot, key) {
      const old = slots.get(slot)?.get(name(key))
      if (old !== undefined) forget(old)
      return old !== undefined
    },
    clearSlot(slot) {
      for (const e of entriesOf(slot)) forget(e)
    },
    slotSize: (slot) => slots.get(slot)?.size ?? 0,
    slotLiveCount: (slot) => entriesOf(slot).filter((e) => !e.fields.removed).length,
    slotDigest: (slot) => digests.get(slot) ?? 0,
    scan(slot, cursor, visit) {
      // Ids never change while an entry is present, so walking them in order visits it exactly once.
      // The entry for which `visit` answers false counts as visited.
      const rest = entriesOf(slot)
        .filter((e) => e.id >= cursor)
        .sort((a, b) => a.id - b.id)
      for (const e of rest) if (!visit(e.id)) return e === rest.at(-1) ? 0 : e.id + 1
      return 0
    },
    touch(handle, now) {
      entry(handle).usedAt = now
    },
    sampleOldest(samples, random, accept) {
      const rest = [...byId.values()].filter((e) => !e.fields.removed && accept(e.slot))
      let oldest: ModelEntry | undefined
      for (let i = 0; i < samples && rest.length > 0; i++) {
        const candidate = rest[random(rest.length)]
        if (candidate === undefined) continue
        if (oldest === undefined || candidate.usedAt < oldest.usedAt) oldest = candidate
      }
      return oldest?.id ?? -1
    },
    expired: (now, max, accept) =>
      [...byId.values()]
        .filter((e) => !e.fields.removed && e.fields.expireAt > 0 && e.fields.expireAt <= now)
        .filter((e) => accept === undefined || accept(e.slot))
        .sort((a, b) => a.fields.expireAt - b.fields.expireAt)
        .slice(0, max)
        .map((e) => e.id),
  }
}
