import type { Override } from './override.ts'

/** What members tell each other about backends, over peer links. Unknown types are another release's: ignored. */
export type FleetMessage =
  | { readonly t: 'fleet/overrides'; readonly list: readonly Override[] }
  | { readonly t: 'fleet/verdicts'; readonly pools: readonly PoolVerdicts[] }

/** One member's verdicts on the backends of one pool. */
export interface PoolVerdicts {
  readonly pool: string
  readonly up: readonly string[]
  readonly down: readonly string[]
}

const PREFIX = 'fleet/'
const NAME_CHARACTERS_MAX = 512
const ENTRIES_MAX = 4_096

/** True for messages that are the fleet's, of whatever release: the store need not look at them. */
export function isFleetMessage(message: unknown): boolean {
  return isRecord(message) && typeof message['t'] === 'string' && message['t'].startsWith(PREFIX)
}

/** The message if this release knows it and every part of it is as it should be. */
export function parseFleetMessage(message: unknown): FleetMessage | undefined {
  if (!isRecord(message)) return undefined
  if (message['t'] === 'fleet/overrides' && isListOf(message['list'], isOverride))
    return { t: 'fleet/overrides', list: message['list'] }
  if (message['t'] === 'fleet/verdicts' && isListOf(message['pools'], isPoolVerdicts))
    return { t: 'fleet/verdicts', pools: message['pools'] }
  return undefined
}

function isOverride(value: unknown): value is Override {
  if (!isRecord(value)) return false
  const { pool, backend, version, by, added, removed, draining, weight } = value
  return (
    isName(pool) &&
    isName(backend) &&
    isName(by) &&
    Number.isSafeInteger(version) &&
    (added === undefined || isEntry(added)) &&
    (removed === undefined || removed === true) &&
    (draining === undefined || draining === true) &&
    (weight === undefined || isWeight(weight))
  )
}

function isEntry(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { url, weight, zone } = value
  return (
    isName(url) &&
    (weight === undefined || isWeight(weight)) &&
    (zone === undefined || isName(zone))
  )
}

function isPoolVerdicts(value: unknown): value is PoolVerdicts {
  if (!isRecord(value)) return false
  return isName(value['pool']) && isListOf(value['up'], isName) && isListOf(value['down'], isName)
}

function isListOf<T>(value: unknown, check: (item: unknown) => item is T): value is readonly T[] {
  return Array.isArray(value) && value.length <= ENTRIES_MAX && value.every(check)
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= NAME_CHARACTERS_MAX
}

function isWeight(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= 1_000
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
