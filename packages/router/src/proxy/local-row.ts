import type { RedisCommand } from '../plan/redis-command.ts'

/** The row of commands and replies that the router makes itself. */
export const LOCAL: RedisCommand = {
  name: '',
  arity: 0,
  access: 'none',
  keys: { type: 'none' },
  run: { type: 'here' },
  retry: 'never',
}

/** The same for commands that may be sent twice. */
export const LOCAL_READ: RedisCommand = { ...LOCAL, access: 'read', retry: 'safe' }
