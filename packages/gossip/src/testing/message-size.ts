import { utf8Length } from '../core/bytes.ts'
import type { Message } from '../core/messages.ts'

/** Bytes of msgpack headers and field names of each message, its small numbers included. */
const FIXED_BYTES = {
  ping: 50,
  'indirect-ping': 75,
  ack: 20,
  nack: 10,
  suspect: 30,
  alive: 60,
  dead: 30,
  user: 1,
} as const satisfies Record<Message['type'], number>

/** Roughly what the wire codec makes of a message, for simulations that move decoded messages. */
export function messageSize(message: Message): number {
  const fixed = FIXED_BYTES[message.type]
  switch (message.type) {
    case 'ping':
    case 'indirect-ping':
      return fixed + utf8Length(message.node) + utf8Length(message.sourceNode ?? '')
    case 'suspect':
    case 'dead':
      return fixed + utf8Length(message.node) + utf8Length(message.from)
    case 'alive':
      return fixed + utf8Length(message.node) + message.meta.length + message.address.length
    case 'ack':
    case 'user':
      return fixed + message.payload.length
    case 'nack':
      return fixed
    default:
      return message satisfies never
  }
}
