import { FIELD, fieldTable } from '../../codec/http1/field.ts'
import type { RequestHead } from '../../codec/http1/request-head.ts'
import { copy, put } from '../../codec/http1/write-head.ts'

/** What a listener tells backends about the client. */
export interface ForwardingOptions {
  /** `X-Forwarded-For`, `-Proto` and `-Host`. */
  readonly xForwarded: boolean
  /** `Forwarded` (RFC 7239). */
  readonly forwarded: boolean
  /** `Via: 1.1 ringway`. */
  readonly via: boolean
  /** `X-Request-Id`, kept or made. */
  readonly requestId: boolean
}

export const FORWARDING: ForwardingOptions = {
  xForwarded: true,
  forwarded: false,
  via: true,
  requestId: true,
}

/** Who sent the request, as far as the connection says it. */
export interface ForwardedClient {
  readonly ip: string
  readonly proto: 'http' | 'https'
  /** True when the peer is a proxy of ours: what it says about its client is kept. */
  readonly trusted: boolean
}

/** Bytes that the added fields may take besides what they repeat of the head. */
export const FORWARDING_BYTES = 512

const FOR = Buffer.from('X-Forwarded-For: ')
const HOST_NAME = 'X-Forwarded-Host: '
const HOST = Buffer.from(HOST_NAME)
const FORWARDED = Buffer.from('Forwarded: ')
const FORWARDED_HOST = Buffer.from(';host="')
const REQUEST_ID_NAME = 'X-Request-Id: '
const SEPARATOR = Buffer.from(', ')
const LINE_END = Buffer.from('\r\n')
const QUOTE = 0x22

/** Fields about the client that an untrusted peer has no business to set. */
const CLAIMS: Uint8Array = fieldTable([
  FIELD['x-forwarded-for'],
  FIELD['x-forwarded-proto'],
  FIELD['x-forwarded-host'],
  FIELD['x-forwarded-port'],
  FIELD['x-real-ip'],
  FIELD.forwarded,
])

/** Makes request ids: a prefix of this process, and a counter. */
export class RequestIds {
  readonly #bytes: Buffer
  readonly #prefixBytes: number
  #count = 0

  /** @param prefix random text, so that ids of two processes differ */
  constructor(prefix: string) {
    this.#bytes = Buffer.from(`${prefix}-00000000`)
    this.#prefixBytes = prefix.length + 1
  }

  /** Writes the next id to `out` at `at`; the position after it. */
  write(out: Buffer, at: number): number {
    this.#count = (this.#count + 1) >>> 0
    let rest = this.#count
    for (let i = this.#prefixBytes + 7; i >= this.#prefixBytes; i--) {
      const digit = rest & 15
      this.#bytes[i] = digit < 10 ? 0x30 + digit : 0x57 + digit
      rest >>>= 4
    }
    return put(this.#bytes, out, at)
  }
}

/** The fields that are added to every request of one client connection. Made once per connection, at its first request. */
export class Forwarding {
  readonly #options: ForwardingOptions
  readonly #trusted: boolean
  /** `1.2.3.4`, the last element of X-Forwarded-For. */
  readonly #ip: Buffer
  readonly #proto: Buffer
  /** `for=1.2.3.4;proto=http` */
  readonly #element: Buffer
  /** All that is said of an untrusted client, up to the host that it asked for. */
  readonly #claims: Buffer
  readonly #via: Buffer
  readonly #viaAndRequestId: Buffer

  constructor(options: ForwardingOptions, { ip, proto, trusted }: ForwardedClient) {
    this.#options = options
    this.#trusted = trusted
    this.#ip = Buffer.from(ip, 'latin1')
    this.#proto = Buffer.from(`X-Forwarded-Proto: ${proto}\r\n`, 'latin1')
    const node = ip.includes(':') ? `"[${ip}]"` : ip
    this.#element = Buffer.from(`for=${node};proto=${proto}`, 'latin1')
    const via = options.via ? 'Via: 1.1 ringway\r\n' : ''
    this.#claims = Buffer.from(
      `X-Forwarded-For: ${ip}\r\nX-Forwarded-Proto: ${proto}\r\n${HOST_NAME}`,
      'latin1',
    )
    this.#via = Buffer.from(via, 'latin1')
    this.#viaAndRequestId = Buffer.from(via + REQUEST_ID_NAME, 'latin1')
  }

  /** Leaves out what will be said anew, or must not be said by this client. */
  drop(head: RequestHead): void {
    const { fields } = head
    const { xForwarded, forwarded } = this.#options
    for (let i = 0; i < fields.count; i++) {
      const id = fields.ids[i] as number
      if (CLAIMS[id] !== 1) continue
      const again =
        (xForwarded && id === FIELD['x-forwarded-for']) || (forwarded && id === FIELD.forwarded)
      if (!this.#trusted || again) fields.drop(i)
    }
  }

  /** Writes the added fields to `out` at `start`; the position after them. */
  write(head: RequestHead, bytes: Buffer, ids: RequestIds, out: Buffer, start: number): number {
    const { xForwarded, forwarded, requestId } = this.#options
    let at = start
    if (xForwarded) at = this.#writeXForwarded(head, bytes, out, at)
    if (forwarded) at = this.#writeForwarded(head, bytes, out, at)
    if (!requestId || head.fields.indexOf(FIELD['x-request-id']) >= 0)
      return put(this.#via, out, at)
    at = put(this.#viaAndRequestId, out, at)
    at = ids.write(out, at)
    return put(LINE_END, out, at)
  }

  #writeXForwarded(head: RequestHead, bytes: Buffer, out: Buffer, start: number): number {
    const { fields } = head
    if (!this.#trusted && head.authorityTo > head.authorityFrom) {
      const claimed = put(this.#claims, out, start)
      const named = copy(bytes, head.authorityFrom, head.authorityTo, out, claimed)
      return put(LINE_END, out, named)
    }
    let at = put(FOR, out, start)
    if (this.#trusted) at = copyValues(head, bytes, FIELD['x-forwarded-for'], out, at)
    at = put(this.#ip, out, at)
    at = put(LINE_END, out, at)
    if (!this.#trusted || fields.indexOf(FIELD['x-forwarded-proto']) < 0)
      at = put(this.#proto, out, at)
    if (this.#trusted && fields.indexOf(FIELD['x-forwarded-host']) >= 0) return at
    if (head.authorityFrom === head.authorityTo) return at
    at = put(HOST, out, at)
    at = copy(bytes, head.authorityFrom, head.authorityTo, out, at)
    return put(LINE_END, out, at)
  }

  #writeForwarded(head: RequestHead, bytes: Buffer, out: Buffer, start: number): number {
    let at = put(FORWARDED, out, start)
    if (this.#trusted) at = copyValues(head, bytes, FIELD.forwarded, out, at)
    at = put(this.#element, out, at)
    if (head.authorityTo > head.authorityFrom) {
      at = put(FORWARDED_HOST, out, at)
      at = copy(bytes, head.authorityFrom, head.authorityTo, out, at)
      out[at++] = QUOTE
    }
    return put(LINE_END, out, at)
  }
}

/** The values of all fields of one kind, each with a comma after it. */
function copyValues(
  { fields }: RequestHead,
  bytes: Buffer,
  id: number,
  out: Buffer,
  start: number,
): number {
  let at = start
  for (let i = 0; i < fields.count; i++) {
    if (fields.ids[i] !== id || fields.valueFrom(i) === fields.valueTo(i)) continue
    at = copy(bytes, fields.valueFrom(i), fields.valueTo(i), out, at)
    at = put(SEPARATOR, out, at)
  }
  return at
}
