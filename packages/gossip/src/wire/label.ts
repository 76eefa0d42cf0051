import { WireError } from './errors.ts'
import { LABEL_BYTES_MAX } from './limits.ts'
import { MESSAGE_TYPE } from './message-codec.ts'

/** `f4 | length | label` in front of `rest`; an empty label adds nothing. */
export function addLabel(label: Uint8Array, rest: Uint8Array): Uint8Array {
  if (label.length === 0) return rest
  const bytes = new Uint8Array(2 + label.length + rest.length)
  bytes.set(labelHeader(label))
  bytes.set(rest, 2 + label.length)
  return bytes
}

/** The header alone, as a dialer writes it once at the start of a stream; empty without a label. */
export function labelHeader(label: Uint8Array): Uint8Array {
  if (label.length === 0) return label
  checkLabel(label)
  const bytes = new Uint8Array(2 + label.length)
  bytes[0] = MESSAGE_TYPE.label
  bytes[1] = label.length
  bytes.set(label, 2)
  return bytes
}

/** Throws WIRE_LENGTH_EXCEEDED for a label of more than 255 bytes. */
export function checkLabel(label: Uint8Array): void {
  if (label.length > LABEL_BYTES_MAX) {
    throw new WireError('WIRE_LENGTH_EXCEEDED', { label: label.length, max: LABEL_BYTES_MAX })
  }
}

/**
 * Checks that the packet carries exactly `label`, or no header when it is empty.
 * @returns the offset of what follows
 * @throws WireError WIRE_LABEL
 */
export function stripLabel(bytes: Uint8Array, label: Uint8Array): number {
  const isLabelled = bytes[0] === MESSAGE_TYPE.label
  if (!isLabelled && label.length === 0) return 0
  if (
    !isLabelled ||
    label.length === 0 ||
    bytes[1] !== label.length ||
    !startsWith(bytes, 2, label)
  ) {
    throw new WireError('WIRE_LABEL')
  }
  return 2 + label.length
}

/** True when `bytes` has `wanted` at `at`. */
export function startsWith(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let index = 0; index < wanted.length; index += 1) {
    if (bytes[at + index] !== wanted[index]) return false
  }
  return true
}
