// Paul Hsieh's SuperFastHash as twemproxy has it. The third byte of a rest of three is read as a signed `char`.

function halfAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
}

/** The hash of `bytes[start, end)`, signed; 0 for no bytes. O(length), no allocation. */
export function hsieh(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return 0
  let hash = 0
  let at = start
  for (; at + 4 <= end; at += 4) {
    hash = (hash + halfAt(bytes, at)) | 0
    hash = (hash << 16) ^ (halfAt(bytes, at + 2) << 11) ^ hash
    hash = (hash + (hash >>> 11)) | 0
  }
  return finish(mixRest(hash, bytes, at, end - at))
}

function mixRest(hash: number, bytes: Uint8Array, at: number, rest: number): number {
  let mixed = hash
  if (rest === 3) {
    mixed = (mixed + halfAt(bytes, at)) | 0
    mixed ^= mixed << 16
    mixed ^= (((bytes[at + 2] as number) << 24) >> 24) << 18
    return (mixed + (mixed >>> 11)) | 0
  }
  if (rest === 2) {
    mixed = (mixed + halfAt(bytes, at)) | 0
    mixed ^= mixed << 11
    return (mixed + (mixed >>> 17)) | 0
  }
  if (rest === 1) {
    mixed = (mixed + (bytes[at] as number)) | 0
    mixed ^= mixed << 10
    return (mixed + (mixed >>> 1)) | 0
  }
  return mixed
}

function finish(hash: number): number {
  let mixed = hash
  mixed ^= mixed << 3
  mixed = (mixed + (mixed >>> 5)) | 0
  mixed ^= mixed << 4
  mixed = (mixed + (mixed >>> 17)) | 0
  mixed ^= mixed << 25
  return (mixed + (mixed >>> 6)) | 0
}
