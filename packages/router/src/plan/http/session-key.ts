import { equalsIgnoringCase, equalsText, indexOfByte, lowerCase } from './byte-text.ts'
import type { HttpRequestView } from './http-request-view.ts'
import { matchPath, type PathMatch } from './path-pattern.ts'
import type { SessionSource } from './session-source.ts'

/** A longer key is no key: the next source is asked. Session ids are shorter; a head is bounded by its own limit. */
export const SESSION_KEY_BYTES_MAX = 4_096

const QUESTION = 0x3f
const AMPERSAND = 0x26
const EQUALS = 0x3d
const SEMICOLON = 0x3b
const SPACE = 0x20
const TAB = 0x09
const QUOTE = 0x22
const COLON = 0x3a
const BRACKET_OPEN = 0x5b
const BRACKET_CLOSE = 0x5d

/** Hosts and addresses are copied here, since they are not in the head as they have to be hashed. */
const SCRATCH_BYTES = 512

/**
 * Finds the session key of a request: the first source, in order, that the request has. The result is in the fields, valid
 * until the next call; nothing is allocated.
 */
export class SessionKey {
  readonly #sources: readonly SessionSource[]
  readonly #scratch = new Uint8Array(SCRATCH_BYTES)
  readonly #match: PathMatch = { from: 0, to: 0 }

  /** The key is `bytes[from, to)`. */
  bytes: Uint8Array = this.#scratch
  from = 0
  to = 0
  /** Index of the source that had it, or -1. */
  source = -1

  constructor(sources: readonly SessionSource[]) {
    this.#sources = sources
  }

  /** True if a source from number `first` on has a key. */
  find(request: HttpRequestView, first = 0): boolean {
    for (let index = first; index < this.#sources.length; index++) {
      const source = this.#sources[index] as SessionSource
      this.#found(request.bytes, -1, -1)
      this.#look(source, request)
      const length = this.to - this.from
      if (length <= 0 || length > SESSION_KEY_BYTES_MAX) continue
      this.source = index
      return true
    }
    this.source = -1
    return false
  }

  #look(source: SessionSource, request: HttpRequestView): void {
    switch (source.type) {
      case 'cookie':
        this.cookie(request, source.name)
        return
      case 'header':
        this.#header(request, source.name)
        return
      case 'query':
        this.#query(request, source.name)
        return
      case 'path':
        this.#path(request, source)
        return
      case 'host':
        this.#host(request)
        return
      case 'ip':
        this.#text(request.clientIp)
    }
  }

  /** Finds one cookie, whatever the sources are: for cookies of our own. Of several with one name the first counts. */
  cookie(request: HttpRequestView, name: string): boolean {
    const { bytes, headers } = request
    for (let i = 0; i < request.headerCount; i++) {
      const at = 4 * i
      if (!equalsIgnoringCase(bytes, headers[at] ?? 0, headers[at + 1] ?? 0, 'cookie')) continue
      if (this.#cookieIn(bytes, headers[at + 2] ?? 0, headers[at + 3] ?? 0, name)) return true
    }
    return false
  }

  /** `a=1; b="2"`: servers and browsers disagree about quotes, so they do not count. */
  #cookieIn(bytes: Uint8Array, from: number, to: number, name: string): boolean {
    for (let at = from; at < to; ) {
      while (at < to && isBlank(bytes[at])) at++
      const end = indexOfByte(bytes, SEMICOLON, at, to)
      const equals = indexOfByte(bytes, EQUALS, at, end)
      if (equals < end && equalsText(bytes, at, trimEnd(bytes, at, equals), name)) {
        this.#value(bytes, equals + 1, end)
        return true
      }
      at = end + 1
    }
    return false
  }

  #value(bytes: Uint8Array, from: number, to: number): void {
    let start = from
    while (start < to && isBlank(bytes[start])) start++
    let end = trimEnd(bytes, start, to)
    if (end - start >= 2 && bytes[start] === QUOTE && bytes[end - 1] === QUOTE) {
      start++
      end--
    }
    this.#found(bytes, start, end)
  }

  #header(request: HttpRequestView, name: string): void {
    const { bytes, headers } = request
    for (let i = 0; i < request.headerCount; i++) {
      const at = 4 * i
      if (!equalsIgnoringCase(bytes, headers[at] ?? 0, headers[at + 1] ?? 0, name)) continue
      this.#found(bytes, headers[at + 2] ?? 0, headers[at + 3] ?? 0)
      return
    }
  }

  #query(request: HttpRequestView, name: string): void {
    const { bytes, targetFrom, targetTo } = request
    let at = indexOfByte(bytes, QUESTION, targetFrom, targetTo) + 1
    while (at < targetTo) {
      const end = indexOfByte(bytes, AMPERSAND, at, targetTo)
      const equals = indexOfByte(bytes, EQUALS, at, end)
      if (equals < end && equalsText(bytes, at, equals, name)) {
        this.#found(bytes, equals + 1, end)
        return
      }
      at = end + 1
    }
  }

  #path(request: HttpRequestView, source: Extract<SessionSource, { type: 'path' }>): void {
    const { bytes, targetFrom, targetTo } = request
    const pathTo = indexOfByte(bytes, QUESTION, targetFrom, targetTo)
    if (matchPath(source.pattern, bytes, targetFrom, pathTo, this.#match))
      this.#found(bytes, this.#match.from, this.#match.to)
  }

  /** In lower case and without the port: one host, however it is written. */
  #host(request: HttpRequestView): void {
    const { bytes, hostFrom, hostTo } = request
    if (hostTo - hostFrom > SCRATCH_BYTES) return
    const bracketed = bytes[hostFrom] === BRACKET_OPEN
    const nameTo = bracketed
      ? Math.min(indexOfByte(bytes, BRACKET_CLOSE, hostFrom, hostTo) + 1, hostTo)
      : indexOfByte(bytes, COLON, hostFrom, hostTo)
    for (let at = hostFrom; at < nameTo; at++)
      this.#scratch[at - hostFrom] = lowerCase(bytes[at] as number)
    this.#found(this.#scratch, 0, nameTo - hostFrom)
  }

  #text(text: string): void {
    if (text.length > SCRATCH_BYTES) return
    for (let i = 0; i < text.length; i++) this.#scratch[i] = text.charCodeAt(i)
    this.#found(this.#scratch, 0, text.length)
  }

  #found(bytes: Uint8Array, from: number, to: number): void {
    this.bytes = bytes
    this.from = from
    this.to = to
  }
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB
}

function trimEnd(bytes: Uint8Array, from: number, to: number): number {
  let end = to
  while (end > from && isBlank(bytes[end - 1])) end--
  return end
}
