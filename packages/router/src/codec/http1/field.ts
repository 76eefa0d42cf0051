import { isText } from './octets.ts'

/** Fields that the router itself reads or changes; all others are `FIELD.other` and pass as they are. */
export const FIELD = {
  other: 0,
  host: 1,
  connection: 2,
  'content-length': 3,
  'transfer-encoding': 4,
  expect: 5,
  upgrade: 6,
  'keep-alive': 7,
  'proxy-connection': 8,
  te: 9,
  'http2-settings': 10,
  cookie: 11,
  'x-forwarded-for': 12,
  'x-forwarded-proto': 13,
  'x-forwarded-host': 14,
  'x-forwarded-port': 15,
  'x-real-ip': 16,
  forwarded: 17,
  via: 18,
  'x-request-id': 19,
  'set-cookie': 20,
  authorization: 21,
  trailer: 22,
} as const

/** One of the numbers of {@link FIELD}. */
export type FieldId = (typeof FIELD)[keyof typeof FIELD]

const FIELDS = Object.keys(FIELD).length

/** A set of fields as a table by id, in which 1 means that it is one of them: heads ask for each of their fields. */
export function fieldTable(ids: readonly FieldId[]): Uint8Array {
  const table = new Uint8Array(FIELDS)
  for (const id of ids) table[id] = 1
  return table
}

/** Fields that concern one connection (RFC 9110 §7.6.1) and never pass. */
export const HOP_BY_HOP: Uint8Array = fieldTable([
  FIELD.connection,
  FIELD['keep-alive'],
  FIELD['proxy-connection'],
  FIELD.te,
  FIELD.upgrade,
  FIELD['http2-settings'],
])

/**
 * Fields that stay although `Connection` names them: they frame the message, or say who the client is, and a client must
 * not be able to take them away from the backend.
 */
export const PROTECTED: Uint8Array = fieldTable([
  FIELD.host,
  FIELD['content-length'],
  FIELD['transfer-encoding'],
  FIELD.cookie,
  FIELD.authorization,
  FIELD['x-forwarded-for'],
  FIELD['x-forwarded-proto'],
  FIELD['x-forwarded-host'],
  FIELD['x-forwarded-port'],
  FIELD['x-real-ip'],
  FIELD.forwarded,
  FIELD.via,
  FIELD['x-request-id'],
  FIELD['set-cookie'],
])

/** Fields that a trailer must not carry: they would change how the message is framed or routed (RFC 9110 §6.5.1). */
export const NOT_IN_TRAILERS: readonly string[] = [
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'trailer',
  'te',
  'upgrade',
  'cookie',
  'set-cookie',
  'authorization',
]

interface Known {
  readonly name: string
  readonly id: FieldId
}

const SLOTS = 256
const slots: (readonly Known[])[] = Array.from({ length: SLOTS }, () => [])
for (const [name, id] of Object.entries(FIELD)) {
  if (id === FIELD.other) continue
  const slot = slotOf(name.length, name.charCodeAt(0), name.charCodeAt(name.length - 1))
  slots[slot] = [...(slots[slot] ?? []), { name, id }]
}

function slotOf(length: number, first: number, last: number): number {
  // Letters differ from their other case in bit 5 only.
  return (length * 31 + (first & 0x1f) * 7 + (last & 0x1f)) & (SLOTS - 1)
}

/** The field that `bytes[from, to)` names. O(1) for names that are not known. */
export function fieldId(bytes: Uint8Array, from: number, to: number): FieldId {
  const slot = slots[slotOf(to - from, bytes[from] as number, bytes[to - 1] as number)]
  if (slot === undefined || slot.length === 0) return FIELD.other
  for (const { name, id } of slot) if (isText(bytes, from, to, name)) return id
  return FIELD.other
}
