import { WireError } from './errors.ts'

/*
 * LZW as in GIF and as in Go's compress/lzw: least significant bit first, literals of 8 bits,
 * 256 = clear, 257 = end, codes of 9 to 12 bits. The encoder makes the same bytes as Go does.
 */
const CLEAR = 256
const END = 257
const FIRST_WIDTH = 9
const LAST_WIDTH = 12
const CODES = 4_096
/** When the encoder's next code would be this one, it starts over with an empty dictionary. */
const CODE_RESET = 4_095
const NO_CODE = -1

// Both directions run to completion synchronously, so they can share their scratch tables between calls.
const prefix = new Uint16Array(CODES)
const suffix = new Uint8Array(CODES)
const expanded = new Uint8Array(CODES)

const SLOTS = 16_384
const slotKeys = new Int32Array(SLOTS)
const slotCodes = new Uint16Array(SLOTS)

/** Bytes that grow by doubling, never beyond their bound. */
class Sink {
  #bytes: Uint8Array
  #length = 0
  readonly #max: number

  constructor(guess: number, max: number) {
    this.#max = max
    this.#bytes = new Uint8Array(Math.min(guess, max))
  }

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#grow(1)
    this.#bytes[this.#length] = value
    this.#length += 1
  }

  append(run: Uint8Array): void {
    if (this.#length + run.length > this.#bytes.length) this.#grow(run.length)
    this.#bytes.set(run, this.#length)
    this.#length += run.length
  }

  #grow(more: number): void {
    const needed = this.#length + more
    if (needed > this.#max) {
      throw new WireError('WIRE_LENGTH_EXCEEDED', { what: 'inflated', max: this.#max })
    }
    const grown = new Uint8Array(Math.min(this.#max, Math.max(needed, this.#bytes.length * 2, 64)))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }

  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }
}

/**
 * Expands `source` to at most `bytesMax` bytes. What follows the end code is ignored. O(output).
 * @throws WireError WIRE_COMPRESSION | WIRE_LENGTH_EXCEEDED
 */
export function inflate(source: Uint8Array, bytesMax: number): Uint8Array {
  const sink = new Sink(source.length * 2, bytesMax)
  let width = FIRST_WIDTH
  let overflow = 1 << FIRST_WIDTH
  let high = END
  let last = NO_CODE
  let bits = 0
  let bitCount = 0
  let at = 0
  for (;;) {
    while (bitCount < width) {
      if (at >= source.length) throw new WireError('WIRE_COMPRESSION', { why: 'no end code' })
      bits |= (source[at] ?? 0) << bitCount
      bitCount += 8
      at += 1
    }
    const code = bits & ((1 << width) - 1)
    bits >>>= width
    bitCount -= width
    if (code === END) return sink.take()
    if (code === CLEAR) {
      width = FIRST_WIDTH
      overflow = 1 << FIRST_WIDTH
      high = END
      last = NO_CODE
      continue
    }
    if (code > high) throw new WireError('WIRE_COMPRESSION', { why: 'code out of range', code })
    const first = expand(code, high, last, sink)
    if (last !== NO_CODE) {
      prefix[high] = last
      suffix[high] = first
    }
    last = code
    high += 1
    if (high < overflow) continue
    if (width === LAST_WIDTH) {
      // The dictionary is full: go on without new entries until a clear.
      last = NO_CODE
      high -= 1
    } else {
      width += 1
      overflow <<= 1
    }
  }
}

/** Writes what `code` stands for and returns its first byte. */
function expand(code: number, high: number, last: number, sink: Sink): number {
  if (code < CLEAR) {
    sink.byte(code)
    return code
  }
  let from = CODES
  let walk = code
  const isNewest = code === high && last !== NO_CODE
  if (isNewest) {
    // The code that is being defined right now: the previous run and its own first byte once more.
    from -= 1
    walk = last
  }
  while (walk >= CLEAR) {
    from -= 1
    expanded[from] = suffix[walk] ?? 0
    walk = prefix[walk] ?? 0
  }
  from -= 1
  expanded[from] = walk
  if (isNewest) expanded[CODES - 1] = walk
  sink.append(expanded.subarray(from))
  return walk
}

/** Compresses `source` to the bytes that Go's `lzw.NewWriter(LSB, 8)` writes. O(input). */
export function deflate(source: Uint8Array): Uint8Array {
  // Worst case: every byte is a code of 12 bits, plus a clear every 3838 codes.
  const sink = new Sink(16 + source.length, 16 + source.length * 2)
  slotKeys.fill(NO_CODE)
  let width = FIRST_WIDTH
  let high = END
  let bits = 0
  let bitCount = 0
  const emit = (code: number) => {
    bits |= code << bitCount
    bitCount += width
    while (bitCount >= 8) {
      sink.byte(bits & 0xff)
      bits >>>= 8
      bitCount -= 8
    }
  }
  /** Counts one emitted code; true when that emptied the dictionary. */
  const advance = (): boolean => {
    high += 1
    if (high === 1 << width) width += 1
    if (high !== CODE_RESET) return false
    emit(CLEAR)
    width = FIRST_WIDTH
    high = END
    slotKeys.fill(NO_CODE)
    return true
  }

  emit(CLEAR)
  if (source.length > 0) {
    let run = source[0] ?? 0
    for (let at = 1; at < source.length; at += 1) {
      const byte = source[at] ?? 0
      const key = (run << 8) | byte
      const slot = findSlot(key)
      if (slotKeys[slot] === key) {
        run = slotCodes[slot] ?? 0
        continue
      }
      emit(run)
      run = byte
      if (advance()) continue
      slotKeys[slot] = key
      slotCodes[slot] = high
    }
    emit(run)
    advance()
  }
  emit(END)
  if (bitCount > 0) sink.byte(bits & 0xff)
  return sink.take()
}

/** The slot that holds `key`, or the free one where it belongs; at most a quarter of the slots is ever used. */
function findSlot(key: number): number {
  let slot = (Math.imul(key, 0x9e37_79b1) >>> 18) & (SLOTS - 1)
  while (slotKeys[slot] !== NO_CODE && slotKeys[slot] !== key) slot = (slot + 1) & (SLOTS - 1)
  return slot
}
