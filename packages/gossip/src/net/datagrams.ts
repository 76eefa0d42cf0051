import type { RemoteInfo, Socket } from 'node:dgram'
import type { Address, Message } from '../core/messages.ts'
import { COMPOUND_PARTS_SENT_MAX } from '../wire/limits.ts'
import { decodePacket, encodePacket } from '../wire/packet.ts'
import type { WireContext } from '../wire/wire-context.ts'
import { plainHost } from './addresses.ts'
import type { Counters } from './counters.ts'
import { systemCode } from './errors.ts'
import type { LimitedLog } from './limited-log.ts'
import { UDP_SEND_QUEUE_MAX } from './limits.ts'

export interface DatagramsOptions {
  readonly socket: Socket
  /** True for an IPv6 socket, which reaches IPv4 by mapped addresses. */
  readonly isIpv6: boolean
  readonly context: WireContext
  readonly counters: Counters
  readonly log: LimitedLog
  readonly allowsHost: (host: string) => boolean
  /** Must not throw. */
  readonly receive: (message: Message, from: Address) => void
}

/** The datagram side of a member: bytes to messages and back. Nothing that arrives here makes it throw. */
export class Datagrams {
  readonly #options: DatagramsOptions
  readonly #noteSent: (error: Error | null) => void

  constructor(options: DatagramsOptions) {
    this.#options = options
    this.#noteSent = (error) => {
      // Peers that are gone show up here as ECONNREFUSED, long after the call.
      if (error !== null) this.#unsent(systemCode(error))
    }
  }

  start(): void {
    const { log, socket } = this.#options
    socket.on('message', (bytes, remote) => this.#receive(bytes, remote))
    socket.on('error', (error) => {
      log.write('warn', 'the datagram socket reports an error', { system: systemCode(error) })
    })
  }

  #receive(bytes: Uint8Array, remote: RemoteInfo): void {
    const { allowsHost, context, counters, log, receive } = this.#options
    counters.add('packetsIn')
    counters.add('bytesIn', bytes.length)
    const from = { host: plainHost(remote.address), port: remote.port }
    if (!allowsHost(from.host)) {
      counters.add('refusedSources')
      return
    }
    const { messages, faults } = decodePacket(bytes, context)
    for (const { code, details } of faults) {
      counters.addDecodeError(code)
      log.write('warn', 'a datagram was refused', { from, code, ...details })
    }
    for (const message of messages) receive(message, from)
  }

  /** Best effort: one datagram, or several when there are more messages than a compound takes. */
  send(to: Address, messages: readonly Message[], crc: boolean): void {
    if (messages.length <= COMPOUND_PARTS_SENT_MAX) {
      this.#sendOne(to, messages, crc)
      return
    }
    for (let at = 0; at < messages.length; at += COMPOUND_PARTS_SENT_MAX) {
      this.#sendOne(to, messages.slice(at, at + COMPOUND_PARTS_SENT_MAX), crc)
    }
  }

  #sendOne(to: Address, messages: readonly Message[], crc: boolean): void {
    const { context, counters, socket } = this.#options
    const host = this.#reachable(to.host)
    if (host === undefined) {
      this.#unsent('address family')
      return
    }
    if (socket.getSendQueueCount() >= UDP_SEND_QUEUE_MAX) {
      this.#unsent('full queue')
      return
    }
    if (messages[0]?.type === 'ping') counters.add('pings')
    try {
      const packet = encodePacket(messages, context, { crc })
      socket.send(packet, to.port, host, this.#noteSent)
      counters.add('packetsOut')
      counters.add('bytesOut', packet.length)
    } catch (error) {
      // A port of 0 or a message that fits in no datagram: a mistake of a peer or ours, no reason to stop.
      this.#unsent(systemCode(error))
    }
  }

  #unsent(why: string): void {
    this.#options.counters.add('packetsUnsent')
    this.#options.log.write('debug', 'a datagram was not sent', { why })
  }

  #reachable(host: string): string | undefined {
    const isV6 = host.includes(':')
    if (this.#options.isIpv6) return isV6 ? host : `::ffff:${host}`
    return isV6 ? undefined : host
  }
}
