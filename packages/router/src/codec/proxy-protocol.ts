import { PARSED } from './http1/fault.ts'

/** Bytes of a line of version 1, its end included (haproxy.org/download/3.0/doc/proxy-protocol.txt §2.1). */
const LINE_BYTES_MAX = 107
/** Bytes of addresses and TLVs of version 2 that are read over; HAProxy sends some hundred. */
export const PROXY_V2_BYTES_MAX = 4_096

const SIGNATURE_V2 = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
const HEADER_V2_BYTES = 16
const SIGNATURE_V1 = 'PROXY '
const LINE_V1 =
  /^PROXY (?:UNKNOWN(?: [\x20-\x7e]*)?|(TCP4|TCP6) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) (\d{1,5}) (\d{1,5}))$/
const LF = 0x0a
const CR = 0x0d

/**
 * Reads the header that a load balancer in front puts before a connection's first byte (PROXY protocol, versions 1 and 2).
 * On a listener that wants one, anything else is a fault: it would let a client forge its address.
 */
export class ProxyProtocol {
  /** The client's address; empty when the header does not say (health checks of the balancer itself). */
  clientIp = ''

  /** @returns the position after the header, or a number of `PARSED` */
  parse(bytes: Buffer, start: number, end: number): number {
    this.clientIp = ''
    const first = bytes[start]
    if (first === SIGNATURE_V2[0]) return this.#parseV2(bytes, start, end)
    return this.#parseV1(bytes, start, end)
  }

  #parseV1(bytes: Buffer, start: number, end: number): number {
    for (let i = 0; i < SIGNATURE_V1.length && start + i < end; i++)
      if (bytes[start + i] !== SIGNATURE_V1.charCodeAt(i)) return PARSED.fault
    const limit = Math.min(end, start + LINE_BYTES_MAX)
    let at = start
    while (at < limit && bytes[at] !== LF) at++
    if (at === limit) return limit - start === LINE_BYTES_MAX ? PARSED.fault : PARSED.needMore
    if (bytes[at - 1] !== CR) return PARSED.fault
    const match = LINE_V1.exec(bytes.toString('latin1', start, at - 1))
    if (match === null) return PARSED.fault
    const [, family, source = ''] = match
    if (family === 'TCP4' && !isIpv4(source)) return PARSED.fault
    if (family === 'TCP6' && !source.includes(':')) return PARSED.fault
    this.clientIp = source
    return at + 1
  }

  #parseV2(bytes: Buffer, start: number, end: number): number {
    for (let i = 0; i < SIGNATURE_V2.length && start + i < end; i++)
      if (bytes[start + i] !== SIGNATURE_V2[i]) return PARSED.fault
    if (end - start < HEADER_V2_BYTES) return PARSED.needMore
    const command = bytes[start + 12] as number
    const family = bytes[start + 13] as number
    const length = bytes.readUInt16BE(start + 14)
    if (command >> 4 !== 2 || (command & 0xf) > 1 || length > PROXY_V2_BYTES_MAX)
      return PARSED.fault
    const to = start + HEADER_V2_BYTES + length
    if (end < to) return PARSED.needMore
    // LOCAL: the balancer speaks for itself.
    if ((command & 0xf) === 0) return to
    return this.#addressV2(bytes, start + HEADER_V2_BYTES, length, family) ? to : PARSED.fault
  }

  #addressV2(bytes: Buffer, at: number, length: number, family: number): boolean {
    switch (family >> 4) {
      case 1:
        if (length < 12) return false
        this.clientIp = Array.from(bytes.subarray(at, at + 4)).join('.')
        return true
      case 2: {
        if (length < 36) return false
        const groups = Array.from({ length: 8 }, (_, i) =>
          bytes.readUInt16BE(at + 2 * i).toString(16),
        )
        this.clientIp = shortIpv6(groups)
        return true
      }
      // Unix sockets and unspecified families have no address for us.
      case 0:
      case 3:
        return true
      default:
        return false
    }
  }
}

function isIpv4(text: string): boolean {
  const parts = text.split('.')
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255)
}

/** The longest run of zeros becomes `::` (RFC 5952). */
function shortIpv6(groups: readonly string[]): string {
  const text = groups.join(':')
  const runs = text.match(/(?:^|:)0(?::0)+(?=:|$)/g) ?? []
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '')
  if (longest === '') return text
  return text
    .replace(longest, longest.startsWith(':') ? ':' : '::')
    .replace(/^:(?!:)|(?<!:):$/g, (end) => `${end}:`)
}
