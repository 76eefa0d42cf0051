import { INSTANCE_LENGTH } from './limits.ts'

const HEX = '0123456789abcdef'
const PATTERN = /^[0-9a-f]{16}$/

/** True for 16 lower-case hexadecimal digits. */
export const isInstance = (text: string): boolean => PATTERN.test(text)

/** The 8 bytes that {@link isInstance} text names. */
export const encodeInstance = (instance: string): Uint8Array => {
  const bytes = new Uint8Array(INSTANCE_LENGTH / 2)
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = Number.parseInt(instance.slice(i * 2, i * 2 + 2), 16)
  return bytes
}

/** Text of 8 bytes. */
export const decodeInstance = (bytes: Uint8Array): string => {
  let text = ''
  for (const byte of bytes) text += (HEX[byte >>> 4] ?? '') + (HEX[byte & 15] ?? '')
  return text
}
