import { createRing } from '@ringway/ring'
import { backendAt } from './topologies.ts'

/** `count` keys that the backend at `port` owns in a pool of all `ports`. */
export function keysOf(port: number, ports: readonly number[], count: number): string[] {
  const ring = createRing(
    ports.map((each) => ({ id: backendAt(each).id, weight: 1 })),
    { keyHash: 'xxh32', pointsPerWeight: 256, hashTags: true },
  )
  const keys: string[] = []
  for (let i = 0; keys.length < count; i++)
    if (ring.owner(`key-${i}`) === backendAt(port).id) keys.push(`key-${i}`)
  return keys
}
