import type { AddressBytes } from './messages.ts'

/** An address is 4 bytes (IPv4) or 16 (IPv6, or IPv4 mapped into it). */
export const isAddress = (bytes: AddressBytes): boolean => bytes.length === 4 || bytes.length === 16

/**
 * Numeric host of an address as sockets want it: IPv4-mapped bytes become dotted quads, IPv6 is
 * written as RFC 5952 §4 says (lower case, the longest run of two or more zero groups shortened).
 */
export function hostOf(bytes: AddressBytes): string {
  if (bytes.length === 4) return bytes.join('.')
  if (isMapped(bytes)) return bytes.subarray(12).join('.')
  return writeGroups(groupsOf(bytes))
}

function isMapped(bytes: AddressBytes): boolean {
  for (let index = 0; index < 10; index++) if (bytes[index] !== 0) return false
  return bytes[10] === 0xff && bytes[11] === 0xff
}

function groupsOf(bytes: AddressBytes): number[] {
  const groups: number[] = []
  for (let index = 0; index + 1 < bytes.length; index += 2) {
    groups.push(((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0))
  }
  return groups
}

function writeGroups(groups: readonly number[]): string {
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':')
  const zeros = longestZeroRun(groups)
  if (zeros.length < 2) return hex(groups)
  return `${hex(groups.slice(0, zeros.start))}::${hex(groups.slice(zeros.start + zeros.length))}`
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  for (let start = 0; start < groups.length; start++) {
    let length = 0
    while (groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  return best
}
