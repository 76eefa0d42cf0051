import type { BackendTopology, PoolTopology, Topology } from '../../src/index.ts'

const PLACEMENT = {
  placement: 'ringway',
  keyHash: 'xxh32',
  pointsPerWeight: 256,
  hashTags: true,
} as const

export function backendAt(port: number, state: BackendTopology['state'] = 'up'): BackendTopology {
  return { id: `127.0.0.1:${port}`, host: '127.0.0.1', port, weight: 1, state }
}

export function redisPool(backends: readonly BackendTopology[], name = 'cache'): PoolTopology {
  return { name, protocol: 'redis', placement: PLACEMENT, replicas: 1, digest: '', backends }
}

export function memcachedPool(backends: readonly BackendTopology[], name = 'items'): PoolTopology {
  return { ...redisPool(backends, name), protocol: 'memcached' }
}

export function storePool(name: string): PoolTopology {
  return { name, protocol: 'store', placement: PLACEMENT, replicas: 2, digest: '', backends: [] }
}

export function topologyMessage(epoch: number, ...pools: readonly PoolTopology[]) {
  const topology: Topology = { epoch, pools }
  return { type: 'topology', topology: structuredClone(topology) } as const
}
