import type { NodeState } from '../core/messages.ts'
import { copyBytes } from './copy-bytes.ts'
import { WireError } from './errors.ts'
import {
  MAP_VALUES_MAX,
  REFUSED_ROWS_KEPT_MAX,
  REFUSED_ROWS_MAX,
  STATE_ROW_BYTES_MAX,
  STATE_ROWS_BYTES_MAX,
  STREAM_HEADER_BYTES_MAX,
} from './limits.ts'
import {
  decodeMessage,
  decodeStateRow,
  ERROR_CODEC,
  MESSAGE_TYPE,
  STATE_HEADER_CODEC,
  USER_HEADER_CODEC,
} from './message-codec.ts'
import { INCOMPLETE, type ScanLimits, scanValue } from './msgpack-scan.ts'
import { readRecord } from './record.ts'
import type { RefusedRow, StreamMessage } from './stream-message.ts'

const HEADER_LIMITS: ScanLimits = {
  valuesMax: MAP_VALUES_MAX,
  bytesMax: STREAM_HEADER_BYTES_MAX,
}
const ROW_LIMITS: ScanLimits = { valuesMax: MAP_VALUES_MAX, bytesMax: STATE_ROW_BYTES_MAX }

/** The decoder wants the bytes behind the end of what it was shown. */
export const NEED_MORE: unique symbol = Symbol('need more bytes')

/** A run of received bytes; `from` moves as they are consumed. */
export interface Window {
  readonly bytes: Uint8Array
  from: number
  readonly end: number
}

interface Exchange {
  readonly join: boolean
  readonly rows: number
  readonly userStateBytes: number
  readonly nodes: NodeState[]
  readonly refused: RefusedRow[]
  refusedCount: number
  seen: number
  rowsBytes: number
}

/**
 * Decodes the plain form of one stream message, which has no length of its own: values are found by scanning
 * and rows are decoded one by one as they become complete. Nothing is allocated on the word of a header.
 */
export class StreamBody {
  readonly #rowsMax: number
  #exchange: Exchange | undefined
  #userBytes: number | undefined

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax
  }

  /**
   * Takes what it can from the window.
   * @throws WireError when the bytes cannot become a message any more
   */
  read(window: Window): StreamMessage | typeof NEED_MORE {
    if (this.#exchange !== undefined) return this.#readRows(this.#exchange, window)
    if (this.#userBytes !== undefined) return readUser(this.#userBytes, window)
    return this.#readHeader(window)
  }

  #readHeader(window: Window): StreamMessage | typeof NEED_MORE {
    const { bytes, from, end } = window
    if (from >= end) return NEED_MORE
    const type = bytes[from]
    const isKnown =
      type === MESSAGE_TYPE.pushPull ||
      type === MESSAGE_TYPE.user ||
      type === MESSAGE_TYPE.ping ||
      type === MESSAGE_TYPE.ack ||
      type === MESSAGE_TYPE.error
    if (!isKnown) throw new WireError('WIRE_TYPE_UNKNOWN', { type })
    const next = scanValue(bytes, from + 1, end, HEADER_LIMITS)
    if (next === INCOMPLETE) return NEED_MORE
    window.from = next
    switch (type) {
      case MESSAGE_TYPE.pushPull:
        this.#exchange = startExchange(bytes, from + 1, next, this.#rowsMax)
        return this.#readRows(this.#exchange, window)
      case MESSAGE_TYPE.user:
        this.#userBytes = readRecord(USER_HEADER_CODEC, bytes, from + 1, next).UserMsgLen
        return readUser(this.#userBytes, window)
      case MESSAGE_TYPE.error:
        return { type: 'error', text: readRecord(ERROR_CODEC, bytes, from + 1, next).Error }
      default: {
        const message = decodeMessage(bytes, from, next)
        if (message.type === 'ping' || message.type === 'ack') return message
        throw new WireError('WIRE_TYPE_UNKNOWN', { type })
      }
    }
  }

  #readRows(exchange: Exchange, window: Window): StreamMessage | typeof NEED_MORE {
    while (exchange.seen < exchange.rows) {
      const next = scanValue(window.bytes, window.from, window.end, ROW_LIMITS)
      if (next === INCOMPLETE) return NEED_MORE
      readRow(exchange, window.bytes, window.from, next)
      window.from = next
    }
    const { join, nodes, refused, refusedCount, userStateBytes } = exchange
    if (window.end - window.from < userStateBytes) return NEED_MORE
    const userState = copyBytes(window.bytes, window.from, window.from + userStateBytes)
    window.from += userStateBytes
    return { type: 'push-pull', state: { join, nodes, userState }, refused, refusedCount }
  }
}

function startExchange(bytes: Uint8Array, from: number, end: number, rowsMax: number): Exchange {
  const { Join, Nodes, UserStateLen } = readRecord(STATE_HEADER_CODEC, bytes, from, end)
  if (Nodes > rowsMax) throw new WireError('WIRE_LENGTH_EXCEEDED', { rows: Nodes, max: rowsMax })
  return {
    join: Join,
    rows: Nodes,
    userStateBytes: UserStateLen,
    nodes: [],
    refused: [],
    refusedCount: 0,
    seen: 0,
    rowsBytes: 0,
  }
}

function readRow(exchange: Exchange, bytes: Uint8Array, from: number, end: number): void {
  const index = exchange.seen
  exchange.seen += 1
  exchange.rowsBytes += end - from
  if (exchange.rowsBytes > STATE_ROWS_BYTES_MAX) {
    throw new WireError('WIRE_LENGTH_EXCEEDED', { what: 'rows', max: STATE_ROWS_BYTES_MAX })
  }
  try {
    exchange.nodes.push(decodeStateRow(bytes, from, end))
  } catch (error) {
    // One bad record must not keep two healthy members from syncing.
    if (!(error instanceof WireError)) throw error
    exchange.refusedCount += 1
    if (exchange.refusedCount > REFUSED_ROWS_MAX) {
      throw new WireError('WIRE_LENGTH_EXCEEDED', { what: 'refused rows', max: REFUSED_ROWS_MAX })
    }
    if (exchange.refused.length < REFUSED_ROWS_KEPT_MAX) exchange.refused.push({ index, error })
  }
}

function readUser(length: number, window: Window): StreamMessage | typeof NEED_MORE {
  if (window.end - window.from < length) return NEED_MORE
  const payload = copyBytes(window.bytes, window.from, window.from + length)
  window.from += length
  return { type: 'user', payload }
}
