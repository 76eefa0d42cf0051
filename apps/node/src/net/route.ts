import { createSocket } from 'node:dgram'

/**
 * The address of this machine from which packets to a host would leave: what its members can reach us at. Asks the
 * routing table only (a connected UDP socket sends nothing). Undefined when there is no route or the name does not resolve.
 */
export function localAddressTowards(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
    const finish = (address: string | undefined) => {
      socket.close()
      resolve(address)
    }
    socket.once('error', () => finish(undefined))
    socket.once('connect', () => finish(socket.address().address))
    socket.connect(port, host)
  })
}
