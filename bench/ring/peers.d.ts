// The parts of two packages without types that the benchmark uses.

declare module 'hashring' {
  interface HashRingPoint {
    readonly value: number
    readonly server: string
  }
  export default class HashRing {
    constructor(servers: readonly string[], algorithm?: string, options?: Record<string, unknown>)
    readonly ring: readonly HashRingPoint[]
    cache: { get(key: string): unknown; set(key: string, value: unknown): void; reset(): void }
    get(key: string): string
    add(server: string): void
  }
}

declare module 'consistent-hash' {
  export default class ConsistentHash {
    constructor(options?: Record<string, unknown>)
    add(node: string): this
    get(key: string): string
  }
}
