import { FAULTS, type Fault, PARSED } from './fault.ts'
import { FIELD } from './field.ts'
import { type FieldReader, FieldTable, parseLength } from './field-table.ts'
import { CR, isText, LF, OCTET, OCTETS, SPACE } from './octets.ts'

export interface ResponseHeadLimits {
  readonly responseHeadBytesMax: number
  readonly fieldsMax: number
}

/** How the end of a response's body is found (RFC 9112 §6.3). */
export type ResponseBody = 'none' | 'length' | 'chunked' | 'until-close'

/** `HTTP/1.1 200` */
const STATUS_BYTES = 12
const PREFIX = 'HTTP/1.'
const KEEP_ALIVE_TIMEOUT = 'timeout='

/** The head of one response, read as strictly as a request's. It is filled again by each `parse`. */
export class ResponseHead implements FieldReader {
  readonly fields: FieldTable
  fault: Fault = FAULTS.statusLine

  start = 0
  status = 0
  minor = 1
  /** After the status code: the reason, with the space before it. */
  reasonFrom = 0
  reasonTo = 0
  /** After the status line. */
  lineTo = 0
  contentLength = -1
  chunked = false
  /** True when the connection may carry another request afterwards. */
  persistent = true
  /** Seconds for which the backend keeps an idle connection, as it says itself; -1 when it does not. */
  keepAliveSeconds = -1
  upgradeFrom = 0
  upgradeTo = 0

  readonly #limits: ResponseHeadLimits

  constructor(limits: ResponseHeadLimits) {
    this.#limits = limits
    this.fields = new FieldTable(limits.fieldsMax)
  }

  /** @returns the position after the head, or a number of {@link PARSED}; `fault` says why */
  parse(bytes: Uint8Array, start: number, end: number): number {
    this.contentLength = -1
    this.chunked = false
    this.keepAliveSeconds = -1
    this.upgradeFrom = 0
    this.upgradeTo = 0
    const line = this.#parseLine(bytes, start, end)
    const parsed = line < 0 ? line : this.fields.parse(bytes, line, end, this)
    const length = (parsed > 0 ? parsed : end) - start
    if (parsed !== PARSED.fault && length > this.#limits.responseHeadBytesMax)
      return this.#refuse(FAULTS.headTooLong)
    if (parsed < 0)
      return line > 0 && parsed === PARSED.fault ? this.#refuse(this.fields.fault) : parsed
    if (this.chunked && this.contentLength >= 0) return this.#refuse(FAULTS.twoLengths)
    this.persistent = !this.fields.close && (this.minor === 1 || this.fields.keepAlive)
    return parsed
  }

  /** How the body ends, for a request of this method. */
  bodyFor(headRequest: boolean): ResponseBody {
    const { status } = this
    if (headRequest || status === 204 || status === 304 || status < 200) return 'none'
    if (this.chunked) return 'chunked'
    if (this.contentLength === 0) return 'none'
    return this.contentLength > 0 ? 'length' : 'until-close'
  }

  field(id: number, bytes: Uint8Array, from: number, to: number): Fault | undefined {
    switch (id) {
      case FIELD['content-length']:
        if (this.contentLength >= 0) return FAULTS.repeatedContentLength
        this.contentLength = parseLength(bytes, from, to)
        return this.contentLength < 0 ? FAULTS.contentLength : undefined
      case FIELD['transfer-encoding']:
        if (this.chunked || !isText(bytes, from, to, 'chunked')) return FAULTS.transferEncoding
        this.chunked = true
        return undefined
      case FIELD['keep-alive']:
        this.keepAliveSeconds = keepAliveSeconds(bytes, from, to)
        return undefined
      case FIELD.upgrade:
        this.upgradeFrom = from
        this.upgradeTo = to
        return undefined
      default:
        return undefined
    }
  }

  #parseLine(bytes: Uint8Array, start: number, end: number): number {
    const known = Math.min(end - start, STATUS_BYTES)
    for (let i = 0; i < known; i++)
      if (!fits(bytes[start + i] as number, i)) return this.#refuse(FAULTS.statusLine)
    if (known < STATUS_BYTES) return PARSED.needMore
    this.start = start
    this.minor = (bytes[start + 7] as number) - 0x30
    this.status =
      digit(bytes, start + 9) * 100 + digit(bytes, start + 10) * 10 + digit(bytes, start + 11)
    let at = start + STATUS_BYTES
    this.reasonFrom = at
    if (at < end && bytes[at] !== SPACE && bytes[at] !== CR) return this.#refuse(FAULTS.statusLine)
    while (at < end && ((OCTETS[bytes[at] as number] as number) & OCTET.value) !== 0) at++
    if (at >= end) return PARSED.needMore
    if (bytes[at] !== CR) return this.#refuse(FAULTS.statusLine)
    if (at + 1 >= end) return PARSED.needMore
    if (bytes[at + 1] !== LF) return this.#refuse(FAULTS.statusLine)
    this.reasonTo = at
    this.lineTo = at + 2
    return this.lineTo
  }

  #refuse(fault: Fault): number {
    this.fault = fault
    return PARSED.fault
  }
}

/** Whether an octet may be the `i`th of `HTTP/1.x NNN`. */
function fits(octet: number, i: number): boolean {
  if (i < PREFIX.length) return octet === PREFIX.charCodeAt(i)
  if (i === 7) return octet === 0x30 || octet === 0x31
  if (i === 8) return octet === SPACE
  // Statuses are 100 to 599.
  if (i === 9) return octet >= 0x31 && octet <= 0x35
  return octet >= 0x30 && octet <= 0x39
}

function digit(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) - 0x30
}

/** Node and nginx say `timeout=5`: to use the connection later than that is to lose the request. */
function keepAliveSeconds(bytes: Uint8Array, from: number, to: number): number {
  const valueFrom = from + KEEP_ALIVE_TIMEOUT.length
  if (valueFrom >= to || !isText(bytes, from, valueFrom, KEEP_ALIVE_TIMEOUT)) return -1
  let valueTo = valueFrom
  while (valueTo < to && (bytes[valueTo] as number) >= 0x30 && (bytes[valueTo] as number) <= 0x39)
    valueTo++
  return parseLength(bytes, valueFrom, valueTo)
}
