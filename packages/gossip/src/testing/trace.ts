import type { Millis } from '../core/effects.ts'

/** Lines that a failure shows. */
const TAIL_LINES = 40

const FNV_PRIME = 0x0100_0193
const FNV_OFFSET = 0x811c_9dc5

/** Everything that happened, as one fingerprint; and its last lines, for the failure message. */
export class Trace {
  readonly #tail: (() => string)[] = []
  #a = FNV_OFFSET
  #b = 0x9e37_79b9

  /** Mixes one fact into the fingerprint. */
  mark(at: Millis, subject: string, what: string, number = 0): void {
    this.#mixNumber(at)
    this.#mixText(subject)
    this.#mixText(what)
    this.#mixNumber(number)
  }

  /** Keeps a line for failure messages; it is only written if it is needed. */
  keep(line: () => string): void {
    if (this.#tail.length >= TAIL_LINES) this.#tail.shift()
    this.#tail.push(line)
  }

  tail(): string {
    return this.#tail.map((line) => line()).join('\n')
  }

  /** 16 hex digits; equal runs have equal hashes. */
  hash(): string {
    const hex = (half: number) => (half >>> 0).toString(16).padStart(8, '0')
    return hex(this.#a) + hex(this.#b)
  }

  #mixText(text: string): void {
    for (let index = 0; index < text.length; index++) this.#mixNumber(text.charCodeAt(index))
  }

  #mixNumber(value: number): void {
    this.#a = Math.imul(this.#a ^ (value | 0), FNV_PRIME)
    this.#b = (Math.imul(this.#b, 31) + (value | 0)) ^ (this.#b >>> 15)
  }
}
