// The four FNV hashes of libmemcached and twemproxy. Their C code reads `char`, which is signed on x86, so bytes from
// 0x80 are sign-extended before they are mixed in. Only the low 32 bits of the 64-bit forms are used, and those depend
// on nothing above them: 2^64's prime is 2^40 + 0x1b3, so all four are 32-bit loops.

const INIT_32 = 0x811c9dc5 | 0
const PRIME_32 = 0x01000193
const INIT_64_LOW = 0x84222325 | 0
const PRIME_64_LOW = 0x1b3

/** As C converts a signed `char` to an unsigned integer of 32 bits. */
function signed(byte: number): number {
  return (byte << 24) >> 24
}

function multiplyFirst(
  bytes: Uint8Array,
  start: number,
  end: number,
  init: number,
  prime: number,
): number {
  let hash = init
  for (let at = start; at < end; at++) hash = Math.imul(hash, prime) ^ signed(bytes[at] as number)
  return hash
}

function mixFirst(
  bytes: Uint8Array,
  start: number,
  end: number,
  init: number,
  prime: number,
): number {
  let hash = init
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ signed(bytes[at] as number), prime)
  return hash
}

/** `fnv1_32`, signed. O(length). */
export function fnv1Of32(bytes: Uint8Array, start: number, end: number): number {
  return multiplyFirst(bytes, start, end, INIT_32, PRIME_32)
}

/** `fnv1a_32`, signed. O(length). */
export function fnv1aOf32(bytes: Uint8Array, start: number, end: number): number {
  return mixFirst(bytes, start, end, INIT_32, PRIME_32)
}

/** `fnv1_64`, its low 32 bits, signed. O(length). */
export function fnv1Of64(bytes: Uint8Array, start: number, end: number): number {
  return multiplyFirst(bytes, start, end, INIT_64_LOW, PRIME_64_LOW)
}

/** `fnv1a_64`, which is a 32-bit hash in these programs in spite of its name; signed. O(length). */
export function fnv1aOf64(bytes: Uint8Array, start: number, end: number): number {
  return mixFirst(bytes, start, end, INIT_64_LOW, PRIME_64_LOW)
}
