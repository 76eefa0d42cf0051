import { copyBytes } from './copy-bytes.ts'

const BLOCK_BYTES = 16 * 1024
/** Larger replies get a buffer of their own, so that little of a block is left unused. */
const SHARED_BYTES_MAX = 2 * 1024

let block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
let used = 0

/** Where a copied reply is: a block is shared by many, and garbage once none of them is referenced. */
export interface HeldReply {
  replyBytes: Buffer | undefined
  replyStart: number
  replyEnd: number
}

/** Copies a reply that came before its turn out of the read buffer. No object is made for a small one. */
export function holdReply(held: HeldReply, bytes: Buffer, start: number, end: number): void {
  const length = end - start
  if (length > SHARED_BYTES_MAX) {
    held.replyBytes = Buffer.from(bytes.subarray(start, end))
    held.replyStart = 0
    held.replyEnd = length
    return
  }
  if (used + length > BLOCK_BYTES) {
    block = Buffer.allocUnsafeSlow(BLOCK_BYTES)
    used = 0
  }
  copyBytes(bytes, start, end, block, used)
  held.replyBytes = block
  held.replyStart = used
  used += length
  held.replyEnd = used
}
