import { encodeError } from '../codec/resp/encode.ts'
import { ReplyScanner, type Scanned } from '../codec/resp/reply-scanner.ts'
import { DECODED, RequestDecoder } from '../codec/resp/request-decoder.ts'
import type { RouterLimits } from '../limits.ts'
import { findKeys } from '../plan/command-keys.ts'
import { type Placement, type PlanPart, splitByOwner } from '../plan/plan-redis.ts'
import type { RoutedCommand } from '../plan/routed-command.ts'

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
  createReplyFinder(limits: RouterLimits): ReplyFinder
  /** True when a reply that begins with this byte answers no command. */
  isOutOfBand(byte: number): boolean
  /** What asks a server whether it is well. */
  readonly probeLine: string
  /** True for an answer to the probe of a server that is alive but cannot serve. */
  isNotReady(line: string): boolean
  /** An error of the router for the client. */
  encodeError(text: string): Buffer
  /**
   * A part of a command, as one part per owner of its keys now; undefined when its bytes cannot be read.
   * @param ordinals which keys of the client's command the part carries
   */
  splitAgain(
    command: RoutedCommand,
    bytes: Buffer,
    from: number,
    to: number,
    placement: Placement,
    ordinals: readonly number[],
    limits: RouterLimits,
  ): readonly PlanPart[] | undefined
  /** Where the first key of a command is, read from its bytes; undefined without one. */
  placeOf(
    command: RoutedCommand,
    bytes: Buffer,
    from: number,
    to: number,
    placement: Placement,
    limits: RouterLimits,
  ): number | undefined
}

const PUSH = 0x3e
/** Replies after which a server is alive but cannot serve yet. */
const NOT_YET = /^-(LOADING|MASTERDOWN|BUSY)\b/

/** RESP2 and RESP3. */
export const REDIS_UPSTREAM: UpstreamProtocol = {
  createReplyFinder: (limits) => new ReplyScanner(limits),
  isOutOfBand: (byte) => byte === PUSH,
  probeLine: 'PING\r\n',
  isNotReady: (line) => NOT_YET.test(line),
  encodeError: (text) => encodeError(`ERR ${text}`),
  splitAgain: (command, bytes, from, to, placement, ordinals, limits) => {
    const decoder = new RequestDecoder(limits)
    if (!('keys' in command) || decoder.next(bytes, from, to) !== DECODED.frame) return undefined
    return splitByOwner(command, decoder.frame, placement, ordinals)
  },
  placeOf: (command, bytes, from, to, placement, limits) => {
    const decoder = new RequestDecoder(limits)
    if (!('keys' in command) || decoder.next(bytes, from, to) !== DECODED.frame) return undefined
    const { frame } = decoder
    const found = findKeys(command.keys, frame, command.name)
    const first = found.type === 'error' ? undefined : found.indexes[0]
    return first === undefined
      ? undefined
      : placement.positionOf(bytes, frame.from(first), frame.to(first))
  },
}
