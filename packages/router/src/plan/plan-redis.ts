import { encodeCommand } from '../codec/resp/encode.ts'
import type { RequestFrame } from '../codec/resp/request-frame.ts'
import { blockAt, findKeys, sortPatternAt, wrongArity } from './command-keys.ts'
import type { GatherKind } from './gather.ts'
import type { FlowName, RedisCommand } from './redis-command.ts'

/** What the planner asks about a pool. */
export interface Placement {
  /** A number that says who owns a key: equal positions have equal owners, in equal order. */
  positionOf(bytes: Uint8Array, from: number, to: number): number
  /** The one that answers for a position now, as a number that is the same for all its positions. */
  ownerOf(position: number): number
  /** True when the pool answers commands without keys itself (the embedded store), false when every backend is asked. */
  readonly whole: boolean
  /** True when keys of one command need only one owner, not one hash input (`multiKey: owner`). */
  readonly relaxed?: boolean
}

/** For a listener whose pool is not known yet: it still greets clients and tells them what it cannot route. */
export const NOWHERE: Placement = { whole: true, positionOf: () => 0, ownerOf: () => 0 }

/** A command for one owner, made of some keys of a client's command. */
export interface PlanPart {
  /** Which keys of the client's command, counted from 0 in its order. */
  readonly ordinals: readonly number[]
  /** Where its first key is. */
  readonly position: number
  readonly bytes: Buffer
}

/** What to do with one command of a client. */
export type RedisPlan =
  /** Send it as it is to the owner of argument `keyIndex` (-1: to the pool). */
  | { readonly type: 'owner'; readonly keyIndex: number }
  | {
      readonly type: 'split'
      readonly gather: GatherKind
      readonly keyCount: number
      readonly parts: readonly PlanPart[]
    }
  | { readonly type: 'all'; readonly gather: GatherKind }
  | { readonly type: 'here' }
  /** A connection of its own to the owner of argument `keyIndex`; the seconds are argument `timeoutIndex`, -1 for none. */
  | {
      readonly type: 'blocking'
      readonly keyIndex: number
      readonly timeoutIndex: number
      readonly unitMs: number
    }
  /** Several steps and one reply; `keyIndex` is -1 where no key decides. */
  | { readonly type: 'flow'; readonly flow: FlowName; readonly keyIndex: number }
  /** The state of the session decides. */
  | { readonly type: 'transaction' }
  | { readonly type: 'subscription' }
  | { readonly type: 'error'; readonly code: PlanErrorCode; readonly text: string }

/** Why a command is not routed; a label in the counters. */
export type PlanErrorCode = 'UNKNOWN_COMMAND' | 'WRONG_ARGUMENTS' | 'NOT_ROUTED' | 'CROSSSLOT'

/** Redis Cluster's text, which clients compare. */
export const CROSSSLOT = "CROSSSLOT Keys in request don't hash to the same slot"

// Plans without facts of their own are made once: the hot path allocates none.
const HERE: RedisPlan = { type: 'here' }
const OWNER_FIRST: RedisPlan = { type: 'owner', keyIndex: 1 }
const OWNER_SECOND: RedisPlan = { type: 'owner', keyIndex: 2 }
const TRANSACTION: RedisPlan = { type: 'transaction' }
const SUBSCRIPTION: RedisPlan = { type: 'subscription' }
const OWNER_WHOLE: RedisPlan = { type: 'owner', keyIndex: -1 }
const CROSSSLOT_PLAN: Extract<RedisPlan, { type: 'error' }> = {
  type: 'error',
  code: 'CROSSSLOT',
  text: CROSSSLOT,
}

/** As Redis Cluster says it, which has the same difficulty. */
const SORT_PLAN: Extract<RedisPlan, { type: 'error' }> = {
  type: 'error',
  code: 'CROSSSLOT',
  text: 'ERR BY and GET options of SORT are denied when keys formed by the pattern may be on other backends',
}

/**
 * Decides the steps for a command. Pure; O(1) for commands with one key, O(keys) for others.
 * @param command the row of the command, or `undefined` when the table has none
 */
export function planRedis(
  command: RedisCommand | undefined,
  frame: RequestFrame,
  placement: Placement,
): RedisPlan {
  if (command === undefined)
    return { type: 'error', code: 'UNKNOWN_COMMAND', text: unknownCommand(frame) }
  const { arity, run, keys } = command
  if (arity > 0 ? frame.argc !== arity : frame.argc < -arity)
    return { type: 'error', code: 'WRONG_ARGUMENTS', text: wrongArity(command.name) }
  switch (run.type) {
    case 'owner':
      if (keys.type === 'range' && keys.first === keys.last && keys.first < frame.argc)
        return ownerPlan(keys.first)
      return planOwner(command, frame, placement)
    case 'split':
      return planSplit(command, run.gather, frame, placement)
    case 'all':
      return placement.whole ? OWNER_WHOLE : { type: 'all', gather: run.gather }
    case 'here':
      return HERE
    case 'first':
      return OWNER_WHOLE
    case 'blocking':
      return placement.whole ? notInStore(command) : planBlocking(command, frame, placement)
    case 'flow':
      return planFlow(command, run.flow, frame, placement)
    case 'transaction':
      return placement.whole ? notInStore(command) : TRANSACTION
    case 'subscription':
      return placement.whole ? notInStore(command) : SUBSCRIPTION
    case 'container':
      return { type: 'error', code: 'UNKNOWN_COMMAND', text: unknownSubcommand(command, frame) }
    case 'refused':
      return notRouted(command.name, `not routed: ${run.reason}`)
    default:
      return run satisfies never
  }
}

/**
 * One part per owner, in the order in which owners first appear. Also used when a backend failed under a part: its keys
 * may have different next owners.
 */
export function splitByOwner(
  command: RedisCommand,
  frame: RequestFrame,
  placement: Placement,
  ordinals?: readonly number[],
): readonly PlanPart[] {
  const step = command.keys.type === 'range' ? command.keys.step : 1
  const groups = new Map<number, { position: number; args: Uint8Array[]; ordinals: number[] }>()
  for (let at = 1, i = 0; at < frame.argc; at += step, i++) {
    const position = placement.positionOf(frame.bytes, frame.from(at), frame.to(at))
    const owner = placement.ownerOf(position)
    let group = groups.get(owner)
    if (group === undefined) {
      group = { position, args: [frame.arg(0)], ordinals: [] }
      groups.set(owner, group)
    }
    for (let j = 0; j < step; j++) group.args.push(frame.arg(at + j))
    group.ordinals.push(ordinals?.[i] ?? i)
  }
  return Array.from(groups.values(), (group) => ({
    ordinals: group.ordinals,
    position: group.position,
    bytes: encodeCommand(group.args),
  }))
}

function planOwner(command: RedisCommand, frame: RequestFrame, placement: Placement): RedisPlan {
  const key = ownerKey(command, frame, placement)
  return typeof key === 'number' ? ownerPlan(key) : key
}

/** The argument whose owner has all keys, -1 when there are none; or why there is no such owner. */
export function ownerKey(
  command: RedisCommand,
  frame: RequestFrame,
  placement: Placement,
): number | Extract<RedisPlan, { type: 'error' }> {
  const found = findKeys(command.keys, frame, command.name)
  if (found.type === 'error') return { type: 'error', code: 'WRONG_ARGUMENTS', text: found.text }
  const first = found.indexes[0]
  if (first === undefined) return -1
  if (!sameOwner(found.indexes, frame, placement)) return CROSSSLOT_PLAN
  if (command.keys.type === 'sorting') {
    const pattern = sortPatternAt(frame, 2)
    if (pattern >= 0 && !isBound(frame, pattern, first, placement)) return SORT_PLAN
  }
  return first
}

/** True when all keys that a pattern of SORT makes share the tag of the sorted key. */
function isBound(frame: RequestFrame, pattern: number, key: number, placement: Placement): boolean {
  if (!/^[^*{]*\{[^*}]+\}/.test(frame.text(pattern))) return false
  return sameOwner([key, pattern], frame, placement)
}

function planBlocking(command: RedisCommand, frame: RequestFrame, placement: Placement): RedisPlan {
  const key = ownerKey(command, frame, placement)
  if (typeof key !== 'number') return key
  if (command.run.type !== 'blocking') return ownerPlan(key)
  const { timeout } = command.run
  if (timeout === 'block') {
    const at = blockAt(frame)
    if (at < 0) return ownerPlan(key)
    return { type: 'blocking', keyIndex: key, timeoutIndex: at, unitMs: 1 }
  }
  const timeoutIndex = timeout < 0 ? frame.argc + timeout : timeout
  return { type: 'blocking', keyIndex: key, timeoutIndex, unitMs: 1_000 }
}

/** Flows that the embedded store answers itself. */
const STORE_FLOWS = new Set<FlowName>(['dbsize', 'keys', 'scan', 'randomkey'])

function planFlow(
  command: RedisCommand,
  flow: FlowName,
  frame: RequestFrame,
  placement: Placement,
): RedisPlan {
  if (placement.whole) {
    if (flow === 'info') return HERE
    return STORE_FLOWS.has(flow) ? OWNER_WHOLE : notInStore(command)
  }
  if (command.keys.type === 'none') return { type: 'flow', flow, keyIndex: -1 }
  const key = ownerKey(command, frame, placement)
  return typeof key === 'number' ? { type: 'flow', flow, keyIndex: key } : key
}

function planSplit(
  command: RedisCommand,
  gather: GatherKind,
  frame: RequestFrame,
  placement: Placement,
): RedisPlan {
  const found = findKeys(command.keys, frame, command.name)
  if (found.type === 'error') return { type: 'error', code: 'WRONG_ARGUMENTS', text: found.text }
  const { indexes } = found
  if (sameOwner(indexes, frame, placement)) return OWNER_FIRST
  const parts = splitByOwner(command, frame, placement)
  return { type: 'split', gather, keyCount: indexes.length, parts }
}

function sameOwner(indexes: readonly number[], frame: RequestFrame, placement: Placement): boolean {
  const [first, ...others] = indexes.length === 1 ? [] : indexes
  if (first === undefined) return true
  const position = placement.positionOf(frame.bytes, frame.from(first), frame.to(first))
  return others.every((at) => {
    const other = placement.positionOf(frame.bytes, frame.from(at), frame.to(at))
    if (other === position) return true
    return placement.relaxed === true && placement.ownerOf(other) === placement.ownerOf(position)
  })
}

function ownerPlan(keyIndex: number): RedisPlan {
  if (keyIndex === 1) return OWNER_FIRST
  return keyIndex === 2 ? OWNER_SECOND : { type: 'owner', keyIndex }
}

function notRouted(name: string, reason: string): RedisPlan {
  return {
    type: 'error',
    code: 'NOT_ROUTED',
    text: `ERR command '${name.replace('|', ' ')}' is ${reason}`,
  }
}

function notInStore(command: RedisCommand): RedisPlan {
  return notRouted(
    command.name,
    'not routed: the embedded store has no such command; a pool with protocol redis has it',
  )
}

function unknownSubcommand(command: RedisCommand, frame: RequestFrame): string {
  const { name } = command
  if (frame.argc < 2) return wrongArity(name)
  return `ERR unknown subcommand '${shown(frame, 1, SHOWN_BYTES_MAX)}'. Try ${name.toUpperCase()} HELP.`
}

const SHOWN_BYTES_MAX = 128

/** As Redis says it: the name and the beginning of the arguments, both cut to 128 bytes. */
function unknownCommand(frame: RequestFrame): string {
  let args = ''
  for (let at = 1; at < frame.argc && args.length < SHOWN_BYTES_MAX; at++) {
    const room = SHOWN_BYTES_MAX - args.length
    args += `'${shown(frame, at, room)}' `
  }
  return `ERR unknown command '${shown(frame, 0, SHOWN_BYTES_MAX)}', with args beginning with: ${args}`
}

function shown(frame: RequestFrame, at: number, bytesMax: number): string {
  const from = frame.from(at)
  return frame.bytes
    .toString('latin1', from, Math.min(frame.to(at), from + bytesMax))
    .replace(/[^\x20-\x7e]/g, '?')
}
