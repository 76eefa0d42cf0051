import type { Address } from '../core/messages.ts'
import { formatAddress } from '../net/addresses.ts'
import { readAddress } from '../net/snapshot-text.ts'

/** A greeting with the longest address is a fifth of this. */
export const GREETING_BYTES_MAX = 256

/** What peers tell each other, one line and nothing else: `{"ringway":1,"gossip":"10.0.0.5:7946"}`. */
export function writeGreeting(address: Address): Uint8Array {
  return Buffer.from(`${JSON.stringify({ ringway: 1, gossip: formatAddress(address) })}\n`)
}

/** Collects one greeting from the pieces that a connection brings. */
export class GreetingReader {
  #text = ''

  /** The address, once the line is there; `more` while it is not, `bad` when it cannot become one. */
  push(piece: Uint8Array): Address | 'more' | 'bad' {
    if (this.#text.length + piece.length > GREETING_BYTES_MAX) return 'bad'
    this.#text += Buffer.from(piece).toString('latin1')
    const end = this.#text.indexOf('\n')
    if (end < 0) return this.#text.length === GREETING_BYTES_MAX ? 'bad' : 'more'
    return readGreeting(this.#text.slice(0, end)) ?? 'bad'
  }
}

function readGreeting(line: string): Address | undefined {
  try {
    const greeting: unknown = JSON.parse(line)
    if (typeof greeting !== 'object' || greeting === null) return undefined
    const { gossip, ringway } = greeting as Readonly<Record<string, unknown>>
    return ringway === 1 ? readAddress(gossip) : undefined
  } catch {
    return undefined
  }
}
