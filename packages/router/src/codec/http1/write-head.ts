import { FIELD } from './field.ts'
import type { FieldTable } from './field-table.ts'
import type { RequestHead } from './request-head.ts'
import type { ResponseHead } from './response-head.ts'

/** Bytes that a written head may be longer than the one that was read, besides its authority and the added fields. */
export const REWRITE_BYTES = 128

const SPACE_BYTE = 0x20
const SLASH_BYTE = 0x2f
const VERSION_LINE = Buffer.from(' HTTP/1.1\r\n')
const STATUS_PREFIX = Buffer.from('HTTP/1.1 ')
const HOST = Buffer.from('Host: ')
const UPGRADE = Buffer.from('Connection: upgrade\r\nUpgrade: ')
const CLOSE = Buffer.from('Connection: close\r\n')
const KEEP_ALIVE = Buffer.from('Connection: keep-alive\r\n')
const LINE_END = Buffer.from('\r\n')

/**
 * Writes a request as the backend gets it: HTTP/1.1, origin form, without the fields that are dropped. The empty line is
 * left to the caller, who adds fields before it.
 * @param headTo the position after the head that was read
 * @returns the position after what was written to `out`
 */
export function writeRequestHead(
  head: RequestHead,
  bytes: Buffer,
  headTo: number,
  out: Buffer,
  start: number,
): number {
  let at = start
  let from = head.start
  if (head.absolute || head.minor === 0) {
    at = copy(bytes, head.start, head.methodTo, out, at)
    out[at++] = SPACE_BYTE
    if (head.targetFrom === head.pathTo) out[at++] = SLASH_BYTE
    at = copy(bytes, head.targetFrom, head.targetTo, out, at)
    at = put(VERSION_LINE, out, at)
    from = head.lineTo
  }
  if (head.absolute) {
    at = put(HOST, out, at)
    at = copy(bytes, head.authorityFrom, head.authorityTo, out, at)
    at = put(LINE_END, out, at)
    const host = head.fields.indexOf(FIELD.host)
    if (host >= 0) head.fields.drop(host)
  }
  at = copyFields(head.fields, bytes, from, headTo, out, at)
  if (!head.upgrade) return at
  at = put(UPGRADE, out, at)
  at = copy(bytes, head.upgradeFrom, head.upgradeTo, out, at)
  return put(LINE_END, out, at)
}

/** What the client is told about its connection. */
export type ConnectionNotice = 'none' | 'close' | 'keep-alive' | 'upgrade'

/**
 * Writes a response as the client gets it, its empty line included.
 * @param added complete field lines, e.g. of a cookie; may be empty
 */
export function writeResponseHead(
  head: ResponseHead,
  bytes: Buffer,
  headTo: number,
  notice: ConnectionNotice,
  added: Buffer,
  out: Buffer,
  start: number,
): number {
  let at = start
  let from = head.start
  if (head.minor === 0) {
    at = put(STATUS_PREFIX, out, at)
    from = head.start + STATUS_PREFIX.length
  }
  at = copyFields(head.fields, bytes, from, headTo, out, at)
  if (notice === 'close') at = put(CLOSE, out, at)
  else if (notice === 'keep-alive') at = put(KEEP_ALIVE, out, at)
  else if (notice === 'upgrade') {
    at = put(UPGRADE, out, at)
    at = copy(bytes, head.upgradeFrom, head.upgradeTo, out, at)
    at = put(LINE_END, out, at)
  }
  if (added.length > 0) at = put(added, out, at)
  return put(LINE_END, out, at)
}

/** Copies the lines from `from` to the empty line, without the dropped ones: whole runs at a time. */
function copyFields(
  fields: FieldTable,
  bytes: Buffer,
  from: number,
  headTo: number,
  out: Buffer,
  start: number,
): number {
  const linesTo = headTo - 2
  if (fields.whole) return copy(bytes, from, linesTo, out, start)
  let at = start
  let runFrom = from
  const { count, dropped } = fields
  for (let i = 0; i < count; i++) {
    if (dropped[i] === 0) continue
    at = copy(bytes, runFrom, fields.nameFrom(i), out, at)
    runFrom = i + 1 < count ? fields.nameFrom(i + 1) : linesTo
  }
  return copy(bytes, runFrom, linesTo, out, at)
}

/** Below this length a loop is faster than the call into the runtime. */
const LOOP_BYTES_MAX = 24

/** Copies `bytes[from, to)` to `out` at `at`; the position after it. */
export function copy(bytes: Buffer, from: number, to: number, out: Buffer, at: number): number {
  if (to - from > LOOP_BYTES_MAX) bytes.copy(out, at, from, to)
  else for (let i = from, j = at; i < to; i++, j++) out[j] = bytes[i] as number
  return at + to - from
}

/** Copies all of `bytes` to `out` at `at`; the position after it. */
export function put(bytes: Buffer, out: Buffer, at: number): number {
  return copy(bytes, 0, bytes.length, out, at)
}
