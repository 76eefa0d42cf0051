import type { PeerHub } from '@ringway/peer'
import type { ForwardedCommand, ForwardedReply, OrderedMessage, Router } from '@ringway/router'

/** The first element of our messages: other kinds travel on the same links. */
const TAG = 'ordered'
/** Commands or replies in one message; senders stay far below. */
const ITEMS_MAX = 10_000
const RING_CHARACTERS_MAX = 64

/**
 * Carries writes to the routers that order them, and their replies back, over peer links. Links keep order. What could not be
 * sent breaks its link, but for commands: those have not been run, and their router finds another way.
 */
export class OrderedCarrier {
  readonly #hub: PeerHub

  constructor(hub: PeerHub) {
    this.#hub = hub
  }

  /** Begins to pass on what others send. */
  attach(router: Router): void {
    this.#hub.onMessage(({ name }, message) => {
      const ordered = parse(message)
      if (ordered) router.post({ type: 'ordered', from: name, message: ordered })
    })
  }

  /** To one member; false when it could not be sent. */
  send(to: string, message: OrderedMessage): boolean {
    const { pool, type, ...rest } = message
    const sent = this.#hub.send(to, [TAG, pool, type, rest])
    if (!sent && type !== 'commands')
      this.#hub.drop(to, 'an answer to its writes could not be sent')
    return sent
  }
}

/** True for a message of ours, which is none of the store's. */
export function isOrdered(message: unknown): boolean {
  return Array.isArray(message) && message[0] === TAG
}

/** The message if this release knows it and every part of it is as it should be. */
function parse(message: unknown): OrderedMessage | undefined {
  if (!isOrdered(message)) return undefined
  const [, pool, type, rest] = message as unknown[]
  if (typeof pool !== 'string' || typeof rest !== 'object' || rest === null) return undefined
  const { commands, replies, ring, id, key } = rest as Record<string, unknown>
  switch (type) {
    case 'commands':
      return isListOf(commands, isCommand) ? { pool, type, commands } : undefined
    case 'replies':
      return isListOf(replies, isReply) ? { pool, type, replies } : undefined
    case 'settled':
      return typeof ring === 'string' && ring.length <= RING_CHARACTERS_MAX
        ? { pool, type, ring }
        : undefined
    case 'leaving':
      return { pool, type }
    case 'lock':
      return isId(id) && key instanceof Uint8Array ? { pool, type, id, key } : undefined
    case 'granted':
    case 'denied':
    case 'unlock':
      return isId(id) ? { pool, type, id } : undefined
    default:
      return undefined
  }
}

function isCommand(value: unknown): value is ForwardedCommand {
  if (typeof value !== 'object' || value === null) return false
  const { id, hops, resp, bytes } = value as Record<string, unknown>
  return (
    isId(id) &&
    Number.isSafeInteger(hops) &&
    (resp === 2 || resp === 3) &&
    bytes instanceof Uint8Array
  )
}

function isReply(value: unknown): value is ForwardedReply {
  if (typeof value !== 'object' || value === null) return false
  const { id, bytes } = value as Record<string, unknown>
  return isId(id) && (bytes === undefined || bytes instanceof Uint8Array)
}

function isListOf<T>(value: unknown, check: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.length <= ITEMS_MAX && value.every(check)
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}
