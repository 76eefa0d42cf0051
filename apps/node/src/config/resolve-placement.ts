import {
  createRing,
  type PlacementName,
  RING_LIMITS,
  RingError,
  type RingNode,
  type RingOptions,
} from '@ringway/ring'
import { PLACEMENT } from '../cluster/definitions.ts'
import { NodeError } from '../errors.ts'
import type { BackendConfig } from './config.ts'
import type { PlacementEntry } from './options.ts'

/**
 * The ring options of a pool of servers, with every default written out.
 *
 * @param key - `pools.NAME.placement`, for errors.
 * @throws NodeError CONFIG_INVALID when options, backends and placement do not fit together.
 */
export function resolvePlacement(
  given: PlacementName | PlacementEntry | undefined,
  backends: readonly BackendConfig[],
  key: string,
  source: string,
): RingOptions {
  const { type, ...options } = typeof given === 'object' ? given : { type: given ?? 'ringway' }
  const wanted = { placement: type, ...options } as RingOptions
  const where = `${source}: ${key}`
  const resolved = checked(where, () => createRing([], wanted).options)
  const known = Object.keys(resolved).filter((option) => option !== 'placement')
  const unknown = Object.keys(options).filter((option) => !known.includes(option))
  if (unknown.length > 0)
    throw new NodeError(
      'CONFIG_INVALID',
      `${where}.${unknown[0]} is not an option of ${type}; allowed here: ${known.join(', ')}`,
    )
  // Building our own ring takes a while when weights are high; its sum of weights tells as well whether it can be.
  if (resolved.placement === 'ringway')
    checkWeights(backends, resolved.pointsPerWeight ?? PLACEMENT.pointsPerWeight, where)
  else return checked(where, () => createRing(backends.map(ringNode), wanted).options)
  return resolved
}

/** A backend as the ring sees it. */
export function ringNode({ id, weight, zone }: RingNode): RingNode {
  const node = weight === undefined ? { id } : { id, weight }
  return zone === undefined ? node : { ...node, zone }
}

/** Heavier backends together would have more points than a ring may have; 1 is left for what rounding up adds. */
function checkWeights(
  backends: readonly BackendConfig[],
  pointsPerWeight: number,
  where: string,
): void {
  const sum = backends.reduce((all, { weight }) => all + weight, 0)
  const sumMax = Math.floor(RING_LIMITS.pointsMax / pointsPerWeight) - 1
  if (sum <= sumMax) return
  throw new NodeError(
    'CONFIG_INVALID',
    `${where.replace(/placement$/, 'backends')}: found weights of ${sum} together; allowed: up to ${sumMax}, only their ratios count`,
  )
}

function checked<T>(where: string, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof RingError)) throw error
    throw new NodeError('CONFIG_INVALID', `${where}: ${sentence(error)}`, {}, { cause: error })
  }
}

/** What the ring refused, in the words of a configuration. */
function sentence({ code, details, message }: RingError): string {
  const allowed = Array.isArray(details['allowed'])
    ? details['allowed'].join(', ')
    : details['allowed']
  switch (code) {
    case 'RING_OPTION_INVALID':
      return `${details['option']}: found ${details['got']}; allowed: ${allowed}`
    case 'RING_NODE_WEIGHT_INVALID':
      return `backend ${details['id']} has weight ${details['weight']}; allowed with this placement: ${allowed ?? 'a number above 0'}`
    default:
      return message.replace(/^RING_\w+: /, '')
  }
}
