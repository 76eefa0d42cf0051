import type { MemcachedCommand } from './memcached/commands.ts'
import type { RedisCommand } from './redis-command.ts'

/** The row of a command that a pool runs, of either protocol. */
export type RoutedCommand = RedisCommand | MemcachedCommand
