import { FAULTS, type Fault, PARSED } from './fault.ts'
import { FIELD, fieldId, HOP_BY_HOP, PROTECTED } from './field.ts'
import { COLON, COMMA, CR, isSameText, isText, LF, OCTET, OCTETS, SPACE, TAB } from './octets.ts'

/** Names that one `Connection` field list may hold; browsers send one or two. */
const CONNECTION_NAMES_MAX = 16

/** What the table does with the fields that decide about the message as it meets them. */
export interface FieldReader {
  /** A fault ends the parse. */
  field(id: number, bytes: Uint8Array, from: number, to: number): Fault | undefined
}

/**
 * The fields of one head, as positions in its bytes: the same table is filled again for each message, so that a head costs
 * no objects. Positions count from the `base` with which the head was parsed.
 */
export class FieldTable {
  count = 0
  fault: Fault = FAULTS.fieldName
  /** Set by `Connection: close` and `Connection: keep-alive`. */
  close = false
  keepAlive = false
  /** Set by `Connection: upgrade`. */
  upgrade = false
  /** True when no field has to be left out: the head may pass in one piece. */
  whole = true

  readonly ids: Uint8Array
  readonly dropped: Uint8Array
  /** Four positions per field: name from, name to, value from, value to. */
  readonly offsets: Int32Array
  readonly #fieldsMax: number
  readonly #namedFrom = new Int32Array(CONNECTION_NAMES_MAX)
  readonly #namedTo = new Int32Array(CONNECTION_NAMES_MAX)
  #named = 0

  constructor(fieldsMax: number) {
    this.#fieldsMax = fieldsMax
    this.ids = new Uint8Array(fieldsMax)
    this.dropped = new Uint8Array(fieldsMax)
    this.offsets = new Int32Array(4 * fieldsMax)
  }

  /** Index of the first field with this id, or -1. */
  indexOf(id: number): number {
    for (let i = 0; i < this.count; i++) if (this.ids[i] === id) return i
    return -1
  }

  nameFrom(index: number): number {
    return this.offsets[4 * index] as number
  }

  nameTo(index: number): number {
    return this.offsets[4 * index + 1] as number
  }

  valueFrom(index: number): number {
    return this.offsets[4 * index + 2] as number
  }

  valueTo(index: number): number {
    return this.offsets[4 * index + 3] as number
  }

  /** Leaves a field out when the head is passed on. */
  drop(index: number): void {
    this.dropped[index] = 1
    this.whole = false
  }

  /**
   * Reads field lines up to and with the empty line. Hot and therefore one loop: each byte is looked at once.
   * @returns the position after the head, or a number of {@link PARSED}
   */
  parse(bytes: Uint8Array, start: number, end: number, reader: FieldReader): number {
    this.count = 0
    this.#named = 0
    this.close = false
    this.keepAlive = false
    this.upgrade = false
    this.whole = true
    let at = start
    for (;;) {
      if (at >= end) return PARSED.needMore
      const first = bytes[at] as number
      if (first === CR) {
        if (at + 1 >= end) return PARSED.needMore
        if (bytes[at + 1] !== LF) return this.#refuse(FAULTS.bareLineEnd)
        return this.#finish(bytes, at + 2)
      }
      if (first === SPACE || first === TAB) return this.#refuse(FAULTS.folded)
      const nameFrom = at
      while (at < end && ((OCTETS[bytes[at] as number] as number) & OCTET.token) !== 0) at++
      if (at >= end) return PARSED.needMore
      if (bytes[at] !== COLON || at === nameFrom)
        return this.#refuse(bytes[at] === LF ? FAULTS.bareLineEnd : FAULTS.fieldName)
      const nameTo = at++
      while (at < end && (bytes[at] === SPACE || bytes[at] === TAB)) at++
      const valueFrom = at
      while (at < end && ((OCTETS[bytes[at] as number] as number) & OCTET.value) !== 0) at++
      if (at >= end) return PARSED.needMore
      if (bytes[at] !== CR)
        return this.#refuse(bytes[at] === LF ? FAULTS.bareLineEnd : FAULTS.fieldValue)
      if (at + 1 >= end) return PARSED.needMore
      if (bytes[at + 1] !== LF) return this.#refuse(FAULTS.fieldValue)
      let valueTo = at
      while (valueTo > valueFrom && isBlank(bytes[valueTo - 1] as number)) valueTo--
      at += 2
      const fault = this.#add(bytes, nameFrom, nameTo, valueFrom, valueTo, reader)
      if (fault !== undefined) return this.#refuse(fault)
    }
  }

  #add(
    bytes: Uint8Array,
    nameFrom: number,
    nameTo: number,
    valueFrom: number,
    valueTo: number,
    reader: FieldReader,
  ): Fault | undefined {
    const index = this.count
    if (index >= this.#fieldsMax) return FAULTS.tooManyFields
    const id = fieldId(bytes, nameFrom, nameTo)
    this.count = index + 1
    this.ids[index] = id
    this.dropped[index] = 0
    const { offsets } = this
    const at = 4 * index
    offsets[at] = nameFrom
    offsets[at + 1] = nameTo
    offsets[at + 2] = valueFrom
    offsets[at + 3] = valueTo
    if (id === FIELD.other) return undefined
    if (HOP_BY_HOP[id] === 1) this.drop(index)
    if (id === FIELD.connection) return this.#connection(bytes, valueFrom, valueTo)
    return reader.field(id, bytes, valueFrom, valueTo)
  }

  #connection(bytes: Uint8Array, from: number, to: number): Fault | undefined {
    let at = from
    while (at < to) {
      while (at < to && (bytes[at] === COMMA || isBlank(bytes[at] as number))) at++
      const nameFrom = at
      while (at < to && ((OCTETS[bytes[at] as number] as number) & OCTET.token) !== 0) at++
      const nameTo = at
      while (at < to && isBlank(bytes[at] as number)) at++
      if (at < to && bytes[at] !== COMMA) return FAULTS.connection
      if (nameTo === nameFrom) continue
      if (isText(bytes, nameFrom, nameTo, 'close')) this.close = true
      else if (isText(bytes, nameFrom, nameTo, 'keep-alive')) this.keepAlive = true
      else if (isText(bytes, nameFrom, nameTo, 'upgrade')) this.upgrade = true
      else {
        if (this.#named === CONNECTION_NAMES_MAX) return FAULTS.connection
        this.#namedFrom[this.#named] = nameFrom
        this.#namedTo[this.#named] = nameTo
        this.#named++
      }
    }
    return undefined
  }

  #finish(bytes: Uint8Array, headEnd: number): number {
    for (let i = 0; i < this.#named; i++)
      this.#dropNamed(bytes, this.#namedFrom[i] as number, this.#namedTo[i] as number)
    return headEnd
  }

  #dropNamed(bytes: Uint8Array, from: number, to: number): void {
    for (let i = 0; i < this.count; i++) {
      if (PROTECTED[this.ids[i] as number] === 1) continue
      if (isSameText(bytes, from, to, this.nameFrom(i), this.nameTo(i))) this.drop(i)
    }
  }

  #refuse(fault: Fault): number {
    this.fault = fault
    return PARSED.fault
  }
}

function isBlank(octet: number): boolean {
  return octet === SPACE || octet === TAB
}

/** Digits that a length may have: with more it would not be an exact number. */
const LENGTH_DIGITS_MAX = 15

/** The number in `bytes[from, to)`, or -1 when that is not plain decimal digits. */
export function parseLength(bytes: Uint8Array, from: number, to: number): number {
  if (to === from || to - from > LENGTH_DIGITS_MAX) return -1
  let length = 0
  for (let at = from; at < to; at++) {
    const digit = (bytes[at] as number) - 0x30
    if (digit < 0 || digit > 9) return -1
    length = length * 10 + digit
  }
  return length
}
