/**
 * The cursor of SCAN over all backends of a pool, in the 64 bits that clients keep:
 *
 *   backend's own cursor (48 bits) │ tag of the backend (16 bits, never 0)
 *
 * Tags follow from ids, not from the order of backends, and backends are scanned in the order of their tags: a cursor stays
 * good when others come and go. When its own backend is gone the scan goes on with the next one; a backend that came meanwhile
 * and has a lower tag is not scanned. `0` begins and ends, as in Redis. Below 2 ** 37 keys per backend a cursor is below
 * 2 ** 53, which clients need that keep it in a double.
 *
 * Where keys have copies, who reports a key depends on the view: which backends are well. There tags follow from the view, too:
 * a cursor of another view fits nowhere, and the scan begins anew, so that no key is left out.
 */
export interface ScanPosition {
  readonly id: string
  /** The cursor at that backend. */
  readonly cursor: string
}

const TAG_BITS = 16n
const TAG_MAX = 0xffff
const CURSOR_MAX = (1n << 48n) - 1n

/** Where a client's cursor points; `undefined` for what is no cursor, `end` when no backend is left. */
export function readCursor(
  text: string,
  ids: readonly string[],
  view = '',
): ScanPosition | 'end' | undefined {
  if (!/^\d{1,20}$/.test(text)) return undefined
  const value = BigInt(text)
  if (value > 0xffff_ffff_ffff_ffffn) return undefined
  const tag = Number(value & BigInt(TAG_MAX))
  const cursor = value >> TAG_BITS
  const all = tagged(ids, view)
  if (view !== '' && !all.some((each) => each.tag === tag)) return startOf(all)
  const next = all.find((each) => each.tag >= tag)
  if (next === undefined) return 'end'
  return { id: next.id, cursor: next.tag === tag ? String(cursor) : '0' }
}

/** The cursor after a backend answered with its own; `undefined` when that does not fit. */
export function nextCursor(
  after: ScanPosition,
  ids: readonly string[],
  view = '',
): string | undefined {
  const all = tagged(ids, view)
  const at = all.findIndex(({ id }) => id === after.id)
  const own = BigInt(after.cursor)
  if (own > CURSOR_MAX) return undefined
  if (own > 0n) return String((own << TAG_BITS) | BigInt(all[at]?.tag ?? 0))
  return String(all[at + 1]?.tag ?? 0)
}

/** The cursor that begins a scan, but is not `0`: a client goes on with it. `0` when there is nothing to scan. */
export function firstCursor(ids: readonly string[], view: string): string {
  return String(tagged(ids, view)[0]?.tag ?? 0)
}

interface Tagged {
  readonly id: string
  readonly tag: number
}

function startOf([first]: readonly Tagged[]): ScanPosition | 'end' {
  return first === undefined ? 'end' : { id: first.id, cursor: '0' }
}

/** Backends in the order of their tags. Two ids with one tag: the later one in the order of ids takes the next free. */
function tagged(ids: readonly string[], view: string): readonly Tagged[] {
  const taken = new Map<number, string>()
  for (const id of ids.toSorted()) {
    let tag = (hash(view + id) % TAG_MAX) + 1
    while (taken.has(tag)) tag = (tag % TAG_MAX) + 1
    taken.set(tag, id)
  }
  return Array.from(taken, ([tag, id]) => ({ id, tag })).sort((a, b) => a.tag - b.tag)
}

/** FNV-1a; any hash that is the same in every router does. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  return value >>> 0
}
