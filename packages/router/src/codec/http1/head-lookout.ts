import { CR, LF } from './octets.ts'

/** What {@link HeadLookout.look} has found. */
export const LOOKED = { needMore: 0, complete: 1, bareLineEnd: 2 } as const

/**
 * Looks for the end of a head that arrives in small pieces, each byte once: parsing the whole head again for every byte
 * of a slow client would cost the square of its length.
 */
export class HeadLookout {
  /** Octets of the line so far, without its end; an empty line ends the head. */
  #lineBytes = 0
  #afterCr = false
  /** Empty lines before the first line do not count. */
  #started = false

  reset(): void {
    this.#lineBytes = 0
    this.#afterCr = false
    this.#started = false
  }

  /** Looks at the bytes that are new. */
  look(bytes: Uint8Array, from: number, to: number): number {
    for (let at = from; at < to; at++) {
      const octet = bytes[at]
      if (octet === LF) {
        if (!this.#afterCr) return LOOKED.bareLineEnd
        if (this.#lineBytes === 0 && this.#started) return LOOKED.complete
        this.#lineBytes = 0
        this.#afterCr = false
        continue
      }
      // A CR inside a line is for the parser to refuse.
      if (this.#afterCr) return LOOKED.complete
      if (octet === CR) this.#afterCr = true
      else {
        this.#lineBytes++
        this.#started = true
      }
    }
    return LOOKED.needMore
  }
}
