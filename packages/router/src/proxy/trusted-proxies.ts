import { BlockList, isIP } from 'node:net'
import { RouterError } from '../errors.ts'

/** Addresses and networks whose word about their clients counts. */
export class TrustedProxies {
  readonly #list = new BlockList()
  readonly #empty: boolean

  /**
   * @param networks e.g. `10.0.0.0/8`, `::1`
   * @throws RouterError NETWORK_INVALID
   */
  constructor(networks: readonly string[]) {
    this.#empty = networks.length === 0
    for (const network of networks) this.#add(network)
  }

  has(address: string): boolean {
    if (this.#empty) return false
    const family = isIP(address)
    if (family === 0) return false
    return this.#list.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }

  /** The client in an X-Forwarded-For list: the last address that is no proxy of ours, else the first one. */
  clientOf(list: string, peer: string): string {
    const addresses = list.split(',').map((each) => each.trim())
    let client = peer
    for (const address of addresses.reverse()) {
      if (isIP(address) === 0) break
      client = address
      if (!this.has(address)) break
    }
    return client
  }

  #add(network: string): void {
    const [address = '', bits] = network.split('/')
    const family = isIP(address)
    const bitsMax = family === 6 ? 128 : 32
    const prefix = bits === undefined ? bitsMax : Number(bits)
    if (family === 0 || !Number.isInteger(prefix) || prefix < 0 || prefix > bitsMax)
      throw new RouterError(
        'NETWORK_INVALID',
        `found the trusted proxy ${JSON.stringify(network)}; allowed: an address or a network, such as 10.0.0.0/8`,
        { network },
      )
    this.#list.addSubnet(address, prefix, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** An IPv4 address that arrived on an IPv6 socket, as IPv4. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && isIP(address.slice(7)) === 4 ? address.slice(7) : address
}
