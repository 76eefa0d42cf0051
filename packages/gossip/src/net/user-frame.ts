/*
 * Our user messages start with two bytes that no Serf message starts with (theirs are 0 to 9), so that what
 * comes from elsewhere is told apart and left alone.
 */
const MARK_FIRST = 0xfe
const MARK_SECOND = 0x52
const MARK_BYTES = 2

/** The payload of a user message that carries `bytes`. */
export function frameUser(bytes: Uint8Array): Uint8Array {
  const payload = new Uint8Array(MARK_BYTES + bytes.length)
  payload[0] = MARK_FIRST
  payload[1] = MARK_SECOND
  payload.set(bytes, MARK_BYTES)
  return payload
}

/** What one of us has sent; undefined when it is not ours. */
export function unframeUser(payload: Uint8Array): Uint8Array | undefined {
  const isOurs = payload[0] === MARK_FIRST && payload[1] === MARK_SECOND
  return isOurs ? payload.subarray(MARK_BYTES) : undefined
}
