import type { ByteWriter } from './byte-writer.ts'
import type { Draw } from './draw.ts'

export type Field =
  | { readonly key: string; readonly kind: 'string' | 'bytes'; readonly value: Uint8Array }
  | { readonly key: string; readonly kind: 'uint'; readonly value: number }
  | { readonly key: string; readonly kind: 'bool'; readonly value: boolean }

const encoder = new TextEncoder()
const encoded = new Map<string, Uint8Array>()

/** The bytes of a key; there are few of them, and they are written all the time. */
function keyBytes(key: string): Uint8Array {
  let bytes = encoded.get(key)
  if (bytes === undefined) {
    bytes = encoder.encode(key)
    encoded.set(key, bytes)
  }
  return bytes
}

/** Number of bits that fit a non-negative number of each width with a sign. */
const SIGNED_LIMIT = { 1: 0x80, 2: 0x8000, 4: 0x8000_0000, 8: 2 ** 53 } as const
const UNSIGNED_LIMIT = {
  1: 0x100,
  2: 0x1_0000,
  4: 0x1_0000_0000,
  8: 2 ** 53,
} as const
const WIDTHS = [1, 2, 4, 8] as const

/**
 * Writes msgpack in every form that memberlist's peers may use (reference §1.3), not only the shortest; with `harm` above
 * zero, once in `harm` choices it writes something that is none.
 */
export class LooseMsgpack {
  readonly #draw: Draw
  readonly #out: ByteWriter
  readonly #harm: number

  constructor(draw: Draw, out: ByteWriter, harm: number) {
    this.#draw = draw
    this.#out = out
    this.#harm = harm
  }

  #harms(): boolean {
    return this.#harm > 0 && this.#draw.oneIn(this.#harm)
  }

  /** A map with these fields: any order, zero values perhaps left out, unknown keys between, an older value before. */
  record(fields: readonly Field[]): void {
    const draw = this.#draw
    const kept = fields.filter((field) => !(isZero(field) && draw.oneIn(3)) && !this.#harms())
    if (draw.oneIn(3)) shuffle(kept, draw)
    const entries: (Field | undefined)[] = [...kept]
    // Within the map, the last of two values counts.
    const twice = draw.oneIn(6) && kept.length > 0 ? draw.pick(kept) : undefined
    if (twice !== undefined) entries.unshift(earlier(twice, draw))
    while (draw.oneIn(5) && entries.length < 40) {
      entries.splice(draw.below(entries.length + 1), 0, undefined)
    }
    this.mapHeader(entries.length + (this.#harms() ? draw.below(70_000) - 2 : 0))
    for (const entry of entries) {
      if (entry === undefined) this.#unknown()
      else {
        this.run(keyBytes(entry.key), false)
        this.#value(entry)
      }
    }
  }

  #value(field: Field): void {
    if (this.#harms()) this.anything(2)
    else if (field.kind === 'uint') this.uint(field.value)
    else if (field.kind === 'bool') this.#bool(field.value)
    else this.run(field.value, field.kind === 'bytes')
  }

  #unknown(): void {
    const draw = this.#draw
    this.run(keyBytes(draw.pick(['node', 'Extra', '', 'NodeX', 'Nod', 'x'.repeat(40)])), false)
    this.anything(3)
  }

  mapHeader(entries: number): void {
    const count = Math.max(0, entries)
    if (count < 16 && !this.#draw.oneIn(6)) this.#out.u8(0x80 | count)
    else if (count < 0x1_0000 && this.#draw.oneIn(2)) this.#tagged(0xde, count, 2)
    else this.#tagged(0xdf, count, 4)
  }

  #tagged(tag: number, value: number, width: number): void {
    this.#out.u8(tag)
    this.#out.uint(value, width)
  }

  uint(value: number): void {
    if (value === 0 && this.#draw.oneIn(8)) {
      this.#out.u8(0xc0)
      return
    }
    if (value < 0x80 && !this.#draw.oneIn(4)) {
      this.#out.u8(value)
      return
    }
    const isSigned = this.#draw.oneIn(3)
    const limits = isSigned ? SIGNED_LIMIT : UNSIGNED_LIMIT
    const fitting = WIDTHS.filter((width) => value < limits[width])
    const width = this.#draw.oneIn(3) ? this.#draw.pick(fitting) : (fitting[0] ?? 8)
    this.#tagged((isSigned ? 0xd0 : 0xcc) + WIDTHS.indexOf(width), value, width)
  }

  #bool(value: boolean): void {
    this.#out.u8(this.#draw.pick(value ? [0xc3, 1] : [0xc2, 0, 0xc0]))
  }

  /** A string or bytes: raw, str8, bin of any width, nil for none, and for bytes an array of numbers. */
  run(bytes: Uint8Array, mayBeArray: boolean): void {
    const draw = this.#draw
    const isKey = !mayBeArray && bytes.length > 0
    if (bytes.length === 0 && mayBeArray && draw.oneIn(2)) {
      this.#out.u8(0xc0)
      return
    }
    if (mayBeArray && draw.oneIn(8)) {
      this.#array(bytes)
      return
    }
    const lie = this.#harms() ? draw.pick([-1, 1, 2 ** 31, 0xffff_ffff - bytes.length]) : 0
    const length = Math.max(0, bytes.length + lie)
    const form = draw.oneIn(3) ? draw.below(7) : isKey ? 0 : draw.below(2)
    if (form === 0 && length < 32) this.#out.u8(0xa0 | length)
    else if (form <= 1 && length < 0x1_0000) this.#tagged(0xda, length, 2)
    else if (form === 2 && length < 0x100) this.#tagged(0xd9, length, 1)
    else if (form === 3 && length < 0x100) this.#tagged(0xc4, length, 1)
    else if (form === 4 && length < 0x1_0000) this.#tagged(0xc5, length, 2)
    else this.#tagged(form === 5 ? 0xc6 : 0xdb, length, 4)
    this.#out.raw(bytes)
  }

  #array(bytes: Uint8Array): void {
    if (bytes.length < 16) this.#out.u8(0x90 | bytes.length)
    else this.#tagged(0xdc, bytes.length, 2)
    for (const byte of bytes) this.uint(byte)
  }

  /** A value of any kind, nested up to `depth`. */
  anything(depth: number): void {
    const draw = this.#draw
    const kind = draw.below(depth > 0 ? 12 : 8)
    if (kind === 0) this.uint(draw.u32())
    else if (kind === 1) this.run(draw.bytes(draw.below(20)), true)
    else if (kind === 2) this.#out.u8(draw.pick([0xc0, 0xc2, 0xc3, 0xe0, 0xff]))
    else if (kind === 3) this.#tagged(draw.pick([0xca, 0xd2]), draw.u32(), 4)
    else if (kind === 4) this.#tagged(draw.pick([0xcb, 0xd3, 0xcf]), draw.u32(), 8)
    else if (kind === 5) this.#extension()
    else if (kind < 8) this.run(keyBytes('text'), false)
    else if (kind < 10) this.#nested(0x90, 0xdc, 1, depth)
    else this.#nested(0x80, 0xde, 2, depth)
  }

  #extension(): void {
    const draw = this.#draw
    if (draw.oneIn(2)) {
      const size = draw.below(5)
      this.#out.u8(0xd4 + size, 1)
      this.#out.raw(draw.bytes(1 << size))
      return
    }
    const bytes = draw.bytes(draw.below(20))
    this.#tagged(0xc7, bytes.length, 1)
    this.#out.u8(5)
    this.#out.raw(bytes)
  }

  #nested(fix: number, wide: number, valuesPerEntry: number, depth: number): void {
    const entries = this.#draw.below(4)
    if (this.#draw.oneIn(2)) this.#out.u8(fix | entries)
    else this.#tagged(wide, entries, 2)
    for (let left = entries * valuesPerEntry; left > 0; left -= 1) this.anything(depth - 1)
  }
}

function isZero({ value }: Field): boolean {
  return value instanceof Uint8Array ? value.length === 0 : !value
}

/** Another, valid value of the same field. */
function earlier(field: Field, draw: Draw): Field {
  if (field.kind === 'uint') return { ...field, value: draw.below(2) }
  if (field.kind === 'bool') return { ...field, value: draw.oneIn(2) }
  return { ...field, value: encoder.encode('old') }
}

export function shuffle<T>(list: T[], draw: Draw): void {
  for (let last = list.length - 1; last > 0; last -= 1) {
    const other = draw.below(last + 1)
    const [a, b] = [list[last], list[other]]
    if (a !== undefined && b !== undefined) {
      list[last] = b
      list[other] = a
    }
  }
}
