import type { Message, NodeState } from '../../src/core/messages.ts'
import type { StreamMessage } from '../../src/wire/stream-message.ts'

/** Long runs of bytes are told by their length and a checksum. */
const SHOWN_MAX = 64

function told(value: unknown): string {
  if (value instanceof Uint8Array) {
    if (value.length <= SHOWN_MAX) return `<${Buffer.from(value).toString('hex')}>`
    let sum = 0x811c9dc5
    for (const byte of value) sum = Math.imul(sum ^ byte, 0x01000193)
    return `<${value.length}:${(sum >>> 0).toString(16)}>`
  }
  return typeof value === 'string' ? JSON.stringify(value) : String(value)
}

/** All fields, in one order: equal summaries are equal messages. */
export function summary(message: Message | NodeState): string {
  const entries = Object.entries(message).filter(([, value]) => value !== undefined)
  return entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${told(value)}`)
    .join(' ')
}

export function streamSummary(message: StreamMessage): string {
  if (message.type !== 'push-pull') return summary(message as Message)
  const { refused, refusedCount, state } = message
  const codes = refused.map(({ index, error }) => `${index}:${error.code}`)
  return [
    `push-pull join=${state.join} state=${told(state.userState)} refused=${refusedCount}`,
    codes.join(),
    ...state.nodes.map(summary),
  ].join(' | ')
}
