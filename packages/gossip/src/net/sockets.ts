import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, isIPv6, type Server } from 'node:net'
import type { Address } from '../core/messages.ts'
import { formatAddress } from './addresses.ts'
import { GossipError, systemCode } from './errors.ts'
import {
  BIND_ATTEMPTS_MAX,
  UDP_RECEIVE_BUFFER_BYTES,
  UDP_RECEIVE_BUFFER_BYTES_MIN,
} from './limits.ts'

/** A datagram socket and a listener on one port: members know each other by one number. */
export interface Sockets {
  readonly udp: UdpSocket
  readonly tcp: Server
  /** What is bound, the port filled in. */
  readonly address: Address
}

/**
 * Binds both transports. With port 0 the system picks the TCP port and UDP takes the same number;
 * if that one is in use, another is tried, at most ten times.
 *
 * @throws GossipError GOSSIP_PORT_IN_USE | GOSSIP_BIND_FAILED, naming transport and address
 */
export async function openSockets(bind: Address): Promise<Sockets> {
  for (let attempt = 1; ; attempt += 1) {
    const tcp = await listen(bind)
    const address = { host: bind.host, port: portOf(tcp) }
    try {
      return { udp: await bindUdp(address), tcp, address }
    } catch (error) {
      tcp.close()
      const isTaken = error instanceof GossipError && error.code === 'GOSSIP_PORT_IN_USE'
      if (bind.port !== 0 || !isTaken || attempt >= BIND_ATTEMPTS_MAX) throw error
    }
  }
}

async function listen(bind: Address): Promise<Server> {
  const server = createServer({ pauseOnConnect: false, noDelay: true })
  try {
    server.listen({ host: bind.host, port: bind.port, exclusive: true })
    await once(server, 'listening')
    return server
  } catch (error) {
    throw bindError('TCP', bind, error)
  }
}

function portOf(server: Server): number {
  const bound = server.address()
  return typeof bound === 'object' && bound !== null ? bound.port : 0
}

async function bindUdp(address: Address): Promise<UdpSocket> {
  const family = isIPv6(address.host) ? 6 : 4
  const udp = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    // Every host we send to is numeric already; looking it up would cost a turn of the loop per packet.
    lookup: (host, _options, done) => done(null, host, family),
  })
  try {
    // With our synchronous look-up the socket may listen before `bind` returns.
    const listening = once(udp, 'listening')
    udp.bind({ address: address.host, port: address.port, exclusive: true })
    await listening
    widen(udp)
    return udp
  } catch (error) {
    udp.close()
    throw bindError('UDP', address, error)
  }
}

/** A burst of gossip should wait in the kernel; systems that refuse the size get half of it asked, and so on. */
function widen(udp: UdpSocket): void {
  for (let bytes = UDP_RECEIVE_BUFFER_BYTES; bytes >= UDP_RECEIVE_BUFFER_BYTES_MIN; bytes /= 2) {
    try {
      udp.setRecvBufferSize(bytes)
      return
    } catch {
      // The next smaller size is tried.
    }
  }
}

function bindError(transport: string, address: Address, error: unknown): GossipError {
  const system = systemCode(error)
  const code = system === 'EADDRINUSE' ? 'GOSSIP_PORT_IN_USE' : 'GOSSIP_BIND_FAILED'
  return new GossipError(code, { transport, address: formatAddress(address), system })
}
