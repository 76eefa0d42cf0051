import type { MemcachedDecoder } from '../../codec/memcached/request-decoder.ts'
import { findMemcachedVerb, type MemcachedVerb } from '../../codec/memcached/verbs.ts'
import { flagAt } from '../../codec/memcached/words.ts'
import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import type { Placement, PlanPart } from '../plan-redis.ts'
import {
  changing,
  type MemcachedCommand,
  type MemcachedGather,
  memcachedCommand,
} from './commands.ts'

/** What to do with one command of a client. */
export type MemcachedPlan =
  /**
   * Send it to the owner of word `keyIndex`. `bytes` replace the client's when it asked for silence: servers are always
   * made to answer, or nobody would know which command failed. A key given in base64 has its own position.
   */
  | {
      readonly type: 'owner'
      readonly command: MemcachedCommand
      readonly keyIndex: number
      readonly bytes?: Buffer
      readonly position?: number
    }
  | {
      readonly type: 'split'
      readonly command: MemcachedCommand
      readonly keys: readonly Buffer[]
      readonly parts: readonly PlanPart[]
    }
  | {
      readonly type: 'all'
      readonly command: MemcachedCommand
      readonly gather: MemcachedGather
      readonly bytes?: Buffer
    }
  | { readonly type: 'say'; readonly line: string }
  | { readonly type: 'close' }

const QUIET_FLAG = 0x71
const BASE64_FLAG = 0x62
const MAKE_FLAG = 0x4e
const EXPIRY_FLAG = 0x54
const SPACE = Buffer.from(' ')
const CRLF = Buffer.from('\r\n')

/** Decides the steps for the command that `decoder` holds. Pure; O(1) for one key, O(keys) for others. */
export function planMemcached(decoder: MemcachedDecoder, placement: Placement): MemcachedPlan {
  const { frame, verb, noreply } = decoder
  if (verb === undefined) return { type: 'say', line: 'ERROR' }
  const flags = flagsAt(verb, frame)
  const quiet = noreply || hasFlag(frame, flags, QUIET_FLAG)
  const command = memcachedCommand(verb, quiet)
  const { run } = command
  switch (run.type) {
    case 'here':
      return run.line === '' ? { type: 'close' } : { type: 'say', line: run.line }
    case 'all':
      return planAll(decoder, command, run.gather)
    case 'split':
      return planKeys(frame, command, verb.keyAt, placement)
    case 'owner': {
      const position = hasFlag(frame, flags, BASE64_FLAG)
        ? decodedPosition(frame, verb.keyAt, placement)
        : undefined
      const changes = changesItem(verb, frame, flags)
      return {
        type: 'owner',
        command: changes ? changing(command) : command,
        keyIndex: verb.keyAt,
        ...(quiet ? { bytes: spokenAloud(decoder, flags) } : {}),
        ...(position === undefined ? {} : { position }),
      }
    }
    default:
      return run satisfies never
  }
}

function planAll(
  decoder: MemcachedDecoder,
  command: MemcachedCommand,
  gather: MemcachedGather,
): MemcachedPlan {
  const { frame, noreply } = decoder
  if (command.name === 'stats') return planStats(frame, command)
  return {
    type: 'all',
    command,
    gather,
    ...(noreply ? { bytes: spokenAloud(decoder, frame.argc) } : {}),
  }
}

/** Kinds of statistics whose numbers can be added up over servers. */
const ADDED_STATS = new Set(['items', 'slabs', 'settings'])

function planStats(frame: RequestFrame, command: MemcachedCommand): MemcachedPlan {
  const kind = frame.argc > 1 ? frame.text(1) : ''
  if (kind === '' || ADDED_STATS.has(kind)) return { type: 'all', command, gather: 'stats' }
  if (kind === 'reset') return { type: 'all', command, gather: 'reset' }
  return {
    type: 'say',
    line: `CLIENT_ERROR stats ${printable(kind)} is not passed on: send it to one server`,
  }
}

/** One part per owner; a command whose keys have one owner goes there as it is. */
function planKeys(
  frame: RequestFrame,
  command: MemcachedCommand,
  keyAt: number,
  placement: Placement,
): MemcachedPlan {
  if (frame.argc === keyAt + 1) return { type: 'owner', command, keyIndex: keyAt }
  const parts = splitKeys(frame, keyAt, placement)
  if (parts.length === 1) return { type: 'owner', command, keyIndex: keyAt }
  const keys: Buffer[] = []
  for (let at = keyAt; at < frame.argc; at++) keys.push(Buffer.from(frame.arg(at)))
  return { type: 'split', command, keys, parts }
}

/**
 * One part per owner, in the order in which owners first appear. Also used when a backend failed under a part: its keys
 * may have different next owners.
 */
export function splitKeys(
  frame: RequestFrame,
  keyAt: number,
  placement: Placement,
  ordinals?: readonly number[],
): readonly PlanPart[] {
  const groups = new Map<number, { position: number; ordinals: number[]; words: Uint8Array[] }>()
  for (let at = keyAt; at < frame.argc; at++) {
    const position = placement.positionOf(frame.bytes, frame.from(at), frame.to(at))
    const owner = placement.ownerOf(position)
    let group = groups.get(owner)
    if (group === undefined) {
      const head = Array.from({ length: keyAt }, (_, word) => frame.arg(word))
      group = { position, ordinals: [], words: head }
      groups.set(owner, group)
    }
    group.words.push(frame.arg(at))
    group.ordinals.push(ordinals?.[at - keyAt] ?? at - keyAt)
  }
  return Array.from(groups.values(), ({ position, ordinals: carried, words }) => ({
    position,
    ordinals: carried,
    bytes: encodeLine(words),
  }))
}

/** Where the first key of a command is; undefined for a command without one. */
export function placeOfKey(decoder: MemcachedDecoder, placement: Placement): number | undefined {
  const { frame, verb } = decoder
  if (verb === undefined || verb.keyAt === 0) return undefined
  if (hasFlag(frame, flagsAt(verb, frame), BASE64_FLAG))
    return decodedPosition(frame, verb.keyAt, placement)
  return placement.positionOf(frame.bytes, frame.from(verb.keyAt), frame.to(verb.keyAt))
}

/** A line of words. */
export function encodeLine(words: readonly Uint8Array[]): Buffer {
  const pieces: Uint8Array[] = []
  for (const word of words) pieces.push(word, SPACE)
  pieces[pieces.length - 1] = CRLF
  return Buffer.concat(pieces)
}

/** The command without `noreply` and without quiet flags, and its data block. */
function spokenAloud(decoder: MemcachedDecoder, flags: number): Buffer {
  const { frame } = decoder
  const words: Uint8Array[] = []
  for (let at = 0; at < frame.argc; at++)
    if (at < flags || flagAt(frame, at) !== QUIET_FLAG) words.push(frame.arg(at))
  return Buffer.concat([encodeLine(words), frame.bytes.subarray(decoder.dataStart, frame.end)])
}

/** The word from which on there are flags of a meta command. */
function flagsAt(verb: MemcachedVerb, frame: RequestFrame): number {
  if (verb.form === 'meta') return 2
  return verb.form === 'meta-storage' ? 3 : frame.argc
}

function hasFlag(frame: RequestFrame, from: number, flag: number): boolean {
  for (let at = from; at < frame.argc; at++) if (flagAt(frame, at) === flag) return true
  return false
}

/** `mg` reads, unless it makes an item on a miss or sets its expiry. */
function changesItem(verb: MemcachedVerb, frame: RequestFrame, flags: number): boolean {
  if (verb.name !== 'mg') return false
  return hasFlag(frame, flags, MAKE_FLAG) || hasFlag(frame, flags, EXPIRY_FLAG)
}

/** The key of an item as the server keeps it: word `at`, decoded when flag `b` says that it is in base64. Valid with the frame. */
export function keyAt(frame: RequestFrame, at: number): Buffer {
  const verb = findMemcachedVerb(frame.bytes, frame.from(0), frame.to(0))
  const isEncoded = verb !== undefined && hasFlag(frame, flagsAt(verb, frame), BASE64_FLAG)
  return isEncoded
    ? Buffer.from(frame.text(at), 'base64')
    : frame.bytes.subarray(frame.from(at), frame.to(at))
}

/** Where the item is whose key was written in base64: the same item may be asked for by its plain key. */
function decodedPosition(frame: RequestFrame, keyAt: number, placement: Placement): number {
  const key = Buffer.from(frame.text(keyAt), 'base64')
  return placement.positionOf(key, 0, key.length)
}

function printable(text: string): string {
  return text.slice(0, 64).replace(/[^\x21-\x7e]/g, '?')
}
