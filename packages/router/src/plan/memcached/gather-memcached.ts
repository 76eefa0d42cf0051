import type { PartReply } from '../gather.ts'
import type { MemcachedGather } from './commands.ts'
import { gatherStats } from './gather-stats.ts'

const LF = 0x0a
const SPACE = 0x20
const BLOCK_END_BYTES = 2
const END = Buffer.from('END\r\n')

/**
 * Folds the replies of all parts into one, as a single server would have answered. The first part that is an error is the
 * whole reply. O(bytes).
 * @param keys the keys that the client named, in its order; for `values` only
 */
export function gatherMemcached(
  kind: MemcachedGather,
  parts: readonly PartReply[],
  keys: readonly Buffer[],
): Buffer {
  const failed = parts.find(({ bytes }) => isError(bytes))
  if (failed !== undefined) return failed.bytes
  switch (kind) {
    case 'values':
      return values(parts, keys)
    case 'ok':
    case 'reset':
      return parts[0]?.bytes ?? END
    case 'version':
      return lowestVersion(parts)
    case 'stats':
      return gatherStats(parts.map(({ bytes }) => bytes))
    default:
      return kind satisfies never
  }
}

/** True for `ERROR`, `CLIENT_ERROR …` and `SERVER_ERROR …`. */
export function isError(bytes: Buffer): boolean {
  const line = bytes.toString('latin1', 0, Math.min(bytes.length, 13))
  return /^(ERROR|CLIENT_ERROR|SERVER_ERROR)/.test(line)
}

/** Values in the order in which the client named their keys, and one `END`. */
function values(parts: readonly PartReply[], keys: readonly Buffer[]): Buffer {
  const found: (Buffer | undefined)[] = new Array(keys.length)
  for (const { ordinals, bytes } of parts) {
    const blocks = valuesOf(bytes)
    let next = 0
    // A server answers in the order of the keys and leaves out those that it does not have.
    for (const ordinal of ordinals) {
      const block = blocks[next]
      if (block === undefined) break
      if (!block.key.equals(keys[ordinal] as Buffer)) continue
      found[ordinal] = block.bytes
      next++
    }
    if (next < blocks.length) return UNEXPECTED
  }
  return Buffer.concat([...found.filter((block) => block !== undefined), END])
}

const UNEXPECTED = Buffer.from(
  'SERVER_ERROR a backend answered with keys that nobody asked for\r\n',
)

interface ValueBlock {
  readonly key: Buffer
  readonly bytes: Buffer
}

/** The values of a reply that the scanner has let through. */
function valuesOf(bytes: Buffer): readonly ValueBlock[] {
  const blocks: ValueBlock[] = []
  let at = 0
  while (bytes[at] === 0x56) {
    const lf = bytes.indexOf(LF, at)
    const keyFrom = bytes.indexOf(SPACE, at) + 1
    const keyTo = bytes.indexOf(SPACE, keyFrom)
    const lengthFrom = bytes.indexOf(SPACE, keyTo + 1) + 1
    const length = Number.parseInt(bytes.toString('latin1', lengthFrom, lf), 10)
    const next = lf + 1 + length + BLOCK_END_BYTES
    blocks.push({ key: bytes.subarray(keyFrom, keyTo), bytes: bytes.subarray(at, next) })
    at = next
  }
  return blocks
}

/** What every server of the pool can do: clients look at the version to know which commands they may use. */
function lowestVersion(parts: readonly PartReply[]): Buffer {
  const [first, ...others] = parts
  if (first === undefined) return END
  return others.reduce(
    (lowest, { bytes }) => (compareVersions(bytes, lowest) < 0 ? bytes : lowest),
    first.bytes,
  )
}

function compareVersions(a: Buffer, b: Buffer): number {
  const [left, right] = [a, b].map((bytes) => bytes.toString('latin1').match(/\d+/g) ?? [])
  for (let i = 0; i < Math.max(left?.length ?? 0, right?.length ?? 0); i++) {
    const difference = Number(left?.[i] ?? 0) - Number(right?.[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}
