import { BlockList, isIPv4, isIPv6 } from 'node:net'
import { hostOf } from '../core/address.ts'
import { GossipError } from './errors.ts'

const MAPPED_PREFIX = '::ffff:'

/** The host of a datagram or socket in the form in which members are known: no mapped IPv4. */
export function plainHost(host: string): string {
  if (!host.startsWith(MAPPED_PREFIX)) return host
  const rest = host.slice(MAPPED_PREFIX.length)
  return isIPv4(rest) ? rest : host
}

/** 4 bytes of an IPv4 address (mapped ones too), 16 of an IPv6 one, undefined for anything else. */
export function parseIp(text: string): Uint8Array | undefined {
  const host = plainHost(text)
  if (isIPv4(host)) return Uint8Array.from(host.split('.'), Number)
  const [bare = ''] = host.split('%')
  return isIPv6(bare) ? parseIpv6(bare) : undefined
}

function parseIpv6(text: string): Uint8Array {
  const dotted = /(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text)
  if (dotted !== null) {
    const [, head = '', ...quads] = dotted
    const [a = 0, b = 0, c = 0, d = 0] = quads.map(Number)
    return parseIpv6(`${head}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`)
  }
  const groups = (part: string) => (part === '' ? [] : part.split(':'))
  const [head = '', tail] = text.split('::')
  const before = groups(head)
  const after = tail === undefined ? [] : groups(tail)
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  const words = [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16))
  return Uint8Array.from(words.flatMap((word) => [word >>> 8, word & 0xff]))
}

/** True for 127.0.0.0/8 and ::1. */
export function isLoopback(host: string): boolean {
  return host === '::1' || plainHost(host).startsWith('127.')
}

/** True for 0.0.0.0 and ::, which say "every interface" and are nobody's address. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

/** `host:port`, with brackets around IPv6. */
export function formatAddress({ host, port }: { host: string; port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Addresses that may be members. */
export interface AllowList {
  allowsBytes(address: Uint8Array): boolean
  allowsHost(host: string): boolean
}

/**
 * Compiles `10.0.0.0/8`-like ranges. No ranges at all allow everybody, as in memberlist.
 * @throws GossipError GOSSIP_OPTION_INVALID naming the range that is not one
 */
export function createAllowList(cidrs: readonly string[]): AllowList {
  const list = new BlockList()
  for (const cidr of cidrs) addRange(list, cidr)
  const allowsHost = (host: string) => {
    const [bare = ''] = plainHost(host).split('%')
    return cidrs.length === 0 || list.check(bare, isIPv4(bare) ? 'ipv4' : 'ipv6')
  }
  return { allowsHost, allowsBytes: (address) => cidrs.length === 0 || allowsHost(hostOf(address)) }
}

function addRange(list: BlockList, cidr: string): void {
  const [network = '', bits = '', ...rest] = cidr.split('/')
  const max = isIPv4(network) ? 32 : 128
  const isRange =
    rest.length === 0 &&
    (isIPv4(network) || isIPv6(network)) &&
    /^\d{1,3}$/.test(bits) &&
    Number(bits) <= max
  if (!isRange) {
    throw new GossipError('GOSSIP_OPTION_INVALID', { cidrsAllowed: cidr, allowed: 'network/bits' })
  }
  list.addSubnet(network, Number(bits), max === 32 ? 'ipv4' : 'ipv6')
}
