const HIGH_BYTES = 0x80

/**
 * Keys of several kinds, always the same: short and long, ASCII, UTF-8, and bytes from 0x80 that are no UTF-8 at all.
 * None has white space or control characters, so that they fit into commands and headers alike.
 */
export function liveKeys(count: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, i) => liveKey(i))
}

function liveKey(i: number): Uint8Array {
  switch (i % 5) {
    case 0:
      return Buffer.from(`k${i}`)
    case 1:
      return Buffer.from(`user:${i}:profile`)
    case 2:
      return Buffer.from(`café-${i}-日本`)
    case 3:
      return Buffer.of(
        HIGH_BYTES + (i % 128),
        HIGH_BYTES + ((i >> 7) % 128),
        0x61 + (i % 26),
        0xff - ((i >> 14) % 64),
      )
    default:
      return Buffer.from(`{tag${i % 977}}:${'x'.repeat(i % 180)}${i}`)
  }
}

/** Over HTTP, where a key costs a request, `npm test` asks for a part of them. */
const HTTP_KEYS = 20_000

/** How many keys a program is asked for that answers over HTTP: `LIVE_KEYS` of the environment, e.g. 100000. */
export const httpKeyCount = Number(process.env['LIVE_KEYS'] ?? HTTP_KEYS)

/** The numbers of servers at which programs are compared: every trap of the reference is at one of them. */
export const LIVE_COUNTS = [1, 2, 3, 5, 7, 14, 25, 50] as const

/** Names of different lengths, in an order that is not sorted. */
export function liveNames(count: number): string[] {
  return Array.from({ length: count }, (_, i) =>
    i % 3 === 0 ? `10.0.${i}.${200 - i}:6379` : i % 3 === 1 ? `n${i}` : `cache-${i}.example:1${i}`,
  )
}
