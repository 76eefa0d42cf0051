import { GossipError, systemCode } from './errors.ts'
import { SEED_FILE_BYTES_MAX, SEEDS_MAX } from './limits.ts'
import { readSmallFile } from './small-file.ts'

const PREFIX = 'file:'

/** The path of a `file:` seed; undefined for any other seed. */
export function seedFilePath(seed: string): string | undefined {
  return seed.startsWith(PREFIX) ? seed.slice(PREFIX.length) : undefined
}

/**
 * The seeds of a file: one per line; empty lines and what follows a `#` do not count.
 * @throws GossipError GOSSIP_SEED_UNRESOLVED for a file that cannot be read, GOSSIP_LIMIT beyond 256 seeds
 */
export async function readSeedFile(path: string): Promise<readonly string[]> {
  const seeds: string[] = []
  for (const line of (await readText(path)).split(/\r?\n/)) {
    const seed = line.replace(/#.*/, '').trim()
    if (seed !== '') seeds.push(seed)
  }
  if (seeds.length > SEEDS_MAX) {
    throw new GossipError('GOSSIP_LIMIT', { file: path, seeds: seeds.length, max: SEEDS_MAX })
  }
  return seeds
}

async function readText(path: string): Promise<string> {
  try {
    return await readSmallFile(path, SEED_FILE_BYTES_MAX)
  } catch (error) {
    throw new GossipError('GOSSIP_SEED_UNRESOLVED', { file: path, system: systemCode(error) })
  }
}
