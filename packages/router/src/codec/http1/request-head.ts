import { FAULTS, type Fault, PARSED } from './fault.ts'
import { FIELD } from './field.ts'
import { type FieldReader, FieldTable, parseLength } from './field-table.ts'
import { COLON, COMMA, CR, isSameText, isText, LF, OCTET, OCTETS, SPACE } from './octets.ts'

/** Methods that the router knows by name; what they mean for a retry is in plan/http/method.ts. */
export const METHODS = [
  'OTHER',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'TRACE',
  'CONNECT',
] as const

/** One of {@link METHODS}; every other valid token is `OTHER`. */
export type Method = (typeof METHODS)[number]

export interface RequestHeadLimits {
  /** Bytes from the request line to the empty line. */
  readonly headBytesMax: number
  readonly targetBytesMax: number
  readonly fieldsMax: number
}

const METHOD_BYTES_MAX = 32
/** ` HTTP/1.1` and the line end. */
const VERSION_BYTES = 11
const SLASH = 0x2f
const QUESTION = 0x3f
const ASTERISK = 0x2a

/**
 * The head of one request, strictly read (RFC 9112): whatever could be read in two ways is a fault. It is filled again by
 * each `parse`; all positions are in the bytes that were parsed.
 *
 *   GET  /path?query  HTTP/1.1 ␍␊  Name: value ␍␊ … ␍␊
 *   └─ start    └ targetFrom…To     └ fields
 */
export class RequestHead implements FieldReader {
  readonly fields: FieldTable
  fault: Fault = FAULTS.requestLine

  start = 0
  method: Method = 'OTHER'
  methodTo = 0
  /** The origin form: of an absolute target only its path and query. May be empty then, which stands for `/`. */
  targetFrom = 0
  targetTo = 0
  /** End of the path: the query, if any, begins with `?` here. */
  pathTo = 0
  /** True when the target was `http://…`: its authority replaces the Host field. */
  absolute = false
  authorityFrom = 0
  authorityTo = 0
  /** After the request line. */
  lineTo = 0
  /** 0 or 1. */
  minor = 1
  /** -1 without Content-Length. */
  contentLength = -1
  chunked = false
  /** True when the client waits for `100 Continue` before it sends the body. */
  expectsContinue = false
  /** Set when the client may send another request on the connection. */
  persistent = true
  /** True when the client asks for another protocol than `h2c`, which is never offered. */
  upgrade = false
  upgradeFrom = 0
  upgradeTo = 0
  /** True when the client asked for `h2c`. */
  h2c = false

  readonly #limits: RequestHeadLimits
  #hosts = 0

  constructor(limits: RequestHeadLimits) {
    this.#limits = limits
    this.fields = new FieldTable(limits.fieldsMax)
  }

  /** True when bytes follow the head. */
  get hasBody(): boolean {
    return this.chunked || this.contentLength > 0
  }

  /** @returns the position after the head, or a number of {@link PARSED}; `fault` says why */
  parse(bytes: Uint8Array, from: number, end: number): number {
    const { headBytesMax } = this.#limits
    this.#reset()
    // One empty line before a request is forgiven (RFC 9112 §2.2).
    if (bytes[from] === CR && from + 1 >= end) return PARSED.needMore
    const start = bytes[from] === CR && bytes[from + 1] === LF ? from + 2 : from
    const parsed = this.#parseHead(bytes, start, end)
    if (parsed === PARSED.needMore)
      return end - from > headBytesMax ? this.#refuse(FAULTS.headTooLong) : parsed
    if (parsed > 0 && parsed - from > headBytesMax) return this.#refuse(FAULTS.headTooLong)
    return parsed
  }

  field(id: number, bytes: Uint8Array, from: number, to: number): Fault | undefined {
    switch (id) {
      case FIELD.host:
        return this.#host(bytes, from, to)
      case FIELD['content-length']:
        if (this.contentLength >= 0) return FAULTS.repeatedContentLength
        this.contentLength = parseLength(bytes, from, to)
        return this.contentLength < 0 ? FAULTS.contentLength : undefined
      case FIELD['transfer-encoding']:
        if (this.chunked || !isText(bytes, from, to, 'chunked')) return FAULTS.transferEncoding
        this.chunked = true
        return undefined
      case FIELD.expect:
        if (!isText(bytes, from, to, '100-continue')) return FAULTS.expect
        this.expectsContinue = true
        return undefined
      case FIELD.upgrade:
        this.#upgrade(bytes, from, to)
        return undefined
      default:
        return undefined
    }
  }

  #reset(): void {
    this.absolute = false
    this.authorityFrom = 0
    this.authorityTo = 0
    this.contentLength = -1
    this.chunked = false
    this.expectsContinue = false
    this.upgrade = false
    this.upgradeFrom = 0
    this.upgradeTo = 0
    this.h2c = false
    this.#hosts = 0
  }

  #parseHead(bytes: Uint8Array, start: number, end: number): number {
    const line = this.#parseLine(bytes, start, end)
    if (line < 0) return line
    const parsed = this.fields.parse(bytes, line, end, this)
    if (parsed === PARSED.fault) return this.#refuse(this.fields.fault)
    if (parsed === PARSED.needMore) return parsed
    const fault = this.#check(bytes)
    return fault === undefined ? parsed : this.#refuse(fault)
  }

  #parseLine(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    while (at < end && ((OCTETS[bytes[at] as number] as number) & OCTET.token) !== 0) at++
    if (at - start > METHOD_BYTES_MAX) return this.#refuse(FAULTS.requestLine)
    if (at >= end) return PARSED.needMore
    if (at === start || bytes[at] !== SPACE) return this.#refuse(FAULTS.requestLine)
    this.start = start
    this.methodTo = at
    this.method = methodOf(bytes, start, at)
    const targetFrom = ++at
    let pathTo = -1
    for (; at < end; at++) {
      const octet = bytes[at] as number
      if (((OCTETS[octet] as number) & OCTET.target) === 0) break
      if (octet === QUESTION && pathTo < 0) pathTo = at
    }
    if (at - targetFrom > this.#limits.targetBytesMax) return this.#refuse(FAULTS.targetTooLong)
    if (at >= end) return PARSED.needMore
    if (bytes[at] !== SPACE) return this.#refuse(lineFault(bytes[at] as number))
    this.targetFrom = targetFrom
    this.targetTo = at
    this.pathTo = pathTo < 0 ? at : pathTo
    const line = this.#parseVersion(bytes, at, end)
    if (line < 0) return line
    const fault = this.#checkTarget(bytes)
    if (fault !== undefined) return this.#refuse(fault)
    this.lineTo = line
    return line
  }

  #parseVersion(bytes: Uint8Array, at: number, end: number): number {
    const known = Math.min(end - at, VERSION_BYTES)
    for (let i = 0; i < known; i++) {
      const octet = bytes[at + i]
      if (octet === VERSION.charCodeAt(i) || (i === MINOR_AT && octet === 0x30)) continue
      if (i >= MAJOR_AT && i <= MINOR_AT) return this.#refuse(versionFault(bytes, at + i))
      return this.#refuse(octet === LF ? FAULTS.bareLineEnd : FAULTS.requestLine)
    }
    if (known < VERSION_BYTES) return PARSED.needMore
    this.minor = (bytes[at + MINOR_AT] as number) - 0x30
    return at + VERSION_BYTES
  }

  #checkTarget(bytes: Uint8Array): Fault | undefined {
    const { method, targetFrom, targetTo } = this
    if (method === 'CONNECT') return FAULTS.connect
    const first = bytes[targetFrom]
    if (first === SLASH) return undefined
    if (first === ASTERISK && targetTo - targetFrom === 1)
      return method === 'OPTIONS' ? undefined : FAULTS.target
    return this.#takeAuthority(bytes)
  }

  /** `http://authority/path`: the scheme is the listener's affair, so `https` says the same. */
  #takeAuthority(bytes: Uint8Array): Fault | undefined {
    const { targetFrom, targetTo } = this
    const scheme = SCHEMES.find((each) =>
      isText(bytes, targetFrom, Math.min(targetFrom + each.length, targetTo), each),
    )
    if (scheme === undefined) return FAULTS.target
    const from = targetFrom + scheme.length
    let to = from
    while (to < targetTo && ((OCTETS[bytes[to] as number] as number) & OCTET.authority) !== 0) to++
    if (to === from) return FAULTS.target
    if (to < targetTo && bytes[to] !== SLASH && bytes[to] !== QUESTION) return FAULTS.target
    this.absolute = true
    this.authorityFrom = from
    this.authorityTo = to
    this.targetFrom = to
    return undefined
  }

  #host(bytes: Uint8Array, from: number, to: number): Fault | undefined {
    if (++this.#hosts > 1) return FAULTS.repeatedHost
    for (let at = from; at < to; at++)
      if (((OCTETS[bytes[at] as number] as number) & OCTET.authority) === 0) return FAULTS.host
    if (!this.absolute) {
      this.authorityFrom = from
      this.authorityTo = to
      return undefined
    }
    const { authorityFrom, authorityTo } = this
    return isSameText(bytes, from, to, authorityFrom, authorityTo) ? undefined : FAULTS.otherHost
  }

  #upgrade(bytes: Uint8Array, from: number, to: number): void {
    this.upgradeFrom = from
    this.upgradeTo = to
    for (let at = from; at < to; ) {
      let tokenTo = at
      while (tokenTo < to && bytes[tokenTo] !== COMMA) tokenTo++
      let nameTo = tokenTo
      while (nameTo > at && bytes[nameTo - 1] === SPACE) nameTo--
      while (at < nameTo && bytes[at] === SPACE) at++
      if (isText(bytes, at, nameTo, 'h2c')) this.h2c = true
      at = tokenTo + 1
    }
  }

  /** Rules that concern several fields. */
  #check(bytes: Uint8Array): Fault | undefined {
    const { fields, minor, contentLength, chunked } = this
    if (chunked && contentLength >= 0) return FAULTS.twoLengths
    if (chunked && minor === 0) return FAULTS.oldTransferEncoding
    if (this.#hosts === 0 && minor === 1) return FAULTS.noHost
    const colon = bytes[this.authorityFrom] === COLON && this.authorityTo > this.authorityFrom
    if (colon) return FAULTS.host
    this.upgrade = fields.upgrade && this.upgradeTo > this.upgradeFrom && minor === 1 && !this.h2c
    if (this.upgrade && this.hasBody) return FAULTS.upgradeWithBody
    if (minor === 0) this.expectsContinue = false
    this.persistent = !fields.close && (minor === 1 || fields.keepAlive)
    return undefined
  }

  #refuse(fault: Fault): number {
    this.fault = fault
    return PARSED.fault
  }
}

const VERSION = ' HTTP/1.1\r\n'
const MAJOR_AT = 6
const MINOR_AT = 8
const SCHEMES = ['http://', 'https://'] as const

/** `HTTP/2.0` is another version, `HTTP/x` is none. */
function versionFault(bytes: Uint8Array, at: number): Fault {
  const octet = bytes[at] as number
  return octet >= 0x30 && octet <= 0x39 ? FAULTS.version : FAULTS.requestLine
}

function lineFault(octet: number): Fault {
  if (octet === LF) return FAULTS.bareLineEnd
  return octet === CR ? FAULTS.requestLine : FAULTS.target
}

/** Method names are case-sensitive. */
function methodOf(bytes: Uint8Array, from: number, to: number): Method {
  const length = to - from
  const first = bytes[from]
  for (const method of METHODS) {
    if (method.length !== length || method.charCodeAt(0) !== first || method === 'OTHER') continue
    let i = 1
    while (i < length && bytes[from + i] === method.charCodeAt(i)) i++
    if (i === length) return method
  }
  return 'OTHER'
}
