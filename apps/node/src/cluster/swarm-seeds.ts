import type { Memberlist } from '@ringway/gossip'
import { createSwarmDiscovery, type SwarmDiscovery } from '@ringway/gossip/hyperswarm'
import { parseSwarmSeed } from '../config/formats.ts'
import { NodeError } from '../errors.ts'

/** The seeds that come from Hyperswarm topics; with none of them configured, nothing is loaded or opened. */
export class SwarmSeeds {
  readonly #discoveries: readonly SwarmDiscovery[]

  private constructor(discoveries: readonly SwarmDiscovery[]) {
    this.#discoveries = discoveries
  }

  /** @throws NodeError CONFIG_INVALID when the package `hyperswarm` is not there. */
  static async open(seeds: readonly string[], { address }: Memberlist): Promise<SwarmSeeds> {
    const opened: SwarmDiscovery[] = []
    for (const seed of seeds) {
      const found = parseSwarmSeed(seed)
      if (found === undefined) continue
      const { bootstrap, topic } = found
      try {
        opened.push(
          await createSwarmDiscovery({
            topic,
            address,
            ...(bootstrap === undefined ? {} : { bootstrap: [bootstrap] }),
          }),
        )
      } catch (cause) {
        await Promise.all(opened.map((discovery) => discovery.close()))
        throw new NodeError(
          'CONFIG_INVALID',
          `gossip.join: ${seed}: ${(cause as Error).message}`,
          { seed },
          { cause },
        )
      }
    }
    return new SwarmSeeds(opened)
  }

  seeds(): readonly string[] {
    return this.#discoveries.flatMap((discovery) => discovery.seeds())
  }

  onChange(listener: () => void): () => void {
    const releases = this.#discoveries.map((discovery) => discovery.onChange(listener))
    return () => {
      for (const release of releases) release()
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#discoveries.map((discovery) => discovery.close()))
  }
}
