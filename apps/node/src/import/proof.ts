import { createRing } from '@ringway/ring'
import { parse } from 'yaml'
import type { NodeOptions } from '../config/options.ts'
import { resolveConfig } from '../config/resolve.ts'
import { ringNode } from '../config/resolve-placement.ts'
import type { Imported } from './imported.ts'

/** How the ring of one written pool compares with the other program's. */
export interface PoolProof {
  readonly pool: string
  /** Keys that were compared; 0 where the other program has no rule to compare with. */
  readonly keys: number
  /** Keys with the same server. */
  readonly equal: number
  /** The first key that has another server here. */
  readonly example?: string
}

/** Keys of several shapes: plain, tagged, not ASCII. Always the same. */
export function sampleKeys(count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => {
    switch (i % 4) {
      case 0:
        return `key:${i}`
      case 1:
        return `user:${(i * 7919) % 1_000_003}:profile`
      case 2:
        return `{tag${i % 97}}:${i}`
      default:
        return `café-${i}-日本`
    }
  })
}

/**
 * Reads a written configuration back as a node would, and asks both its rings and the other program's rule for every key.
 * @throws NodeError CONFIG_INVALID when the configuration is not one
 */
export function prove(
  yaml: string,
  { owners, options }: Imported,
  keys: readonly string[],
): readonly PoolProof[] {
  const { pools } = resolveConfig(parse(yaml) as NodeOptions, 'the written configuration')
  return Object.keys(options.pools ?? {}).map((name) => {
    const owner = owners.get(name)
    const pool = pools.find((each) => each.name === name)
    if (owner === undefined || pool === undefined || !('placement' in pool))
      return { pool: name, keys: 0, equal: 0 }
    const ring = createRing(pool.backends.map(ringNode), pool.placement)
    const different = keys.filter((key) => ring.owner(key) !== owner(key))
    const [example] = different
    const equal = keys.length - different.length
    return { pool: name, keys: keys.length, equal, ...(example === undefined ? {} : { example }) }
  })
}
