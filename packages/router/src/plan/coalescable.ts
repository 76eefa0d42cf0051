import { MEMCACHED_COMMANDS } from './memcached/commands.ts'
import type { RedisCommand } from './redis-command.ts'
import { REDIS_COMMANDS } from './redis-commands.ts'
import type { RoutedCommand } from './routed-command.ts'

/** Reads that are asked for a different answer each time. */
const RANDOM = new Set(['hrandfield', 'srandmember', 'zrandmember'])
/** Memcached's meta commands may change the item that they read. */
const MEMCACHED_READS = new Set(['get', 'gets'])

/**
 * Commands whose reply may be given to everybody who asks the same at the same time: reads of exactly one key that change nothing
 * and are not random.
 */
const COALESCABLE: ReadonlySet<RoutedCommand> = new Set<RoutedCommand>([
  ...REDIS_COMMANDS.filter(isSingleRead),
  ...MEMCACHED_COMMANDS.filter(({ name }) => MEMCACHED_READS.has(name)),
])

/** True when a command with this row may share its reply. O(1). */
export function isCoalescable(command: RoutedCommand): boolean {
  return COALESCABLE.has(command)
}

function isSingleRead({ name, access, keys, run }: RedisCommand): boolean {
  if (access !== 'read' || run.type !== 'owner' || RANDOM.has(name)) return false
  return keys.type === 'range' && keys.first === keys.last
}
