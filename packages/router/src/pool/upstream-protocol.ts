import { encodeError } from '../codec/resp/encode.ts'
import { ReplyScanner, type Scanned } from '../codec/resp/reply-scanner.ts'
import type { RouterLimits } from '../limits.ts'
import type { Adoption } from './caching/adoption.ts'
import { REDIS_ADOPTION } from './caching/redis-adoption.ts'
import type { Copying } from './copies/copying.ts'
import { createRedisCopying } from './copies/redis-copying.ts'
import type { Moving } from './moving/moving.ts'
import { REDIS_MOVING } from './moving/redis-moving.ts'

/** Finds where one reply ends; a reply that is not complete is looked at again from its start. */
export interface ReplyFinder {
  /** Where the last reply ends. */
  readonly end: number
  /** Why the last bytes are no reply. */
  readonly error: string
  scan(bytes: Buffer, start: number, end: number): Scanned
}

/** What a pool has to know about the protocol of its backends. */
export interface UpstreamProtocol {
  /** How commands of other pools are run. */
  readonly adoption: Adoption
  /** How copies of keys are kept, for one pool. */
  createCopying(limits: RouterLimits): Copying
  /** How keys move from an older ring. */
  readonly moving: Moving
  createReplyFinder(limits: RouterLimits): ReplyFinder
  /** True when a reply that begins with this byte answers no command. */
  isOutOfBand(byte: number): boolean
  /** What asks a server whether it is well. */
  readonly probeLine: string
  /** True for an answer to the probe of a server that is alive but cannot serve. */
  isNotReady(line: string): boolean
  /** True for a reply to a client's command that says that the server is ill, whatever it was asked. Hot: looks at the first byte first. */
  isIll(reply: Buffer, start: number, end: number): boolean
  /** An error of the router for the client. */
  encodeError(text: string): Buffer
}

const PUSH = 0x3e
const MINUS = 0x2d
/** Errors that say something about the server, not about the command. */
const ILL = /^-(LOADING|MASTERDOWN|BUSY|READONLY|MISCONF|CLUSTERDOWN) /
/** Replies after which a server is alive but cannot serve yet. */
const NOT_YET = /^-(LOADING|MASTERDOWN|BUSY)\b/

/** RESP2 and RESP3. */
export const REDIS_UPSTREAM: UpstreamProtocol = {
  adoption: REDIS_ADOPTION,
  createCopying: createRedisCopying,
  moving: REDIS_MOVING,
  createReplyFinder: (limits) => new ReplyScanner(limits),
  isOutOfBand: (byte) => byte === PUSH,
  probeLine: 'PING\r\n',
  isNotReady: (line) => NOT_YET.test(line),
  isIll: (reply, start, end) =>
    reply[start] === MINUS && ILL.test(reply.toString('latin1', start, Math.min(end, start + 16))),
  encodeError: (text) => encodeError(`ERR ${text}`),
}
