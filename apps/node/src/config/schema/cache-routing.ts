import type { OptionSchema } from './option.ts'

/** How long what is written to a failover pool lives at most, unless told otherwise; as in mcrouter. */
export const FAILOVER_TTL_MS = 60_000

/** What only `redis` and `memcached` pools have: commands that go elsewhere than to the owners of their keys. */
export const CACHE_ROUTING_PROPERTIES: Readonly<Record<string, OptionSchema>> = {
  failover: {
    type: 'string',
    description:
      '`redis`, `memcached`: pool of the same protocol that has the keys whose owners are all lost. Default: the next backend of the pool has them.',
    minLength: 1,
  },
  failoverTtlMs: {
    type: 'integer',
    description:
      'With `failover`: how long what is written there lives at most; memcached counts whole seconds. Default: 60000.',
    minimum: 1_000,
    maximum: 2_592_000_000,
  },
  shadow: {
    type: 'object',
    description:
      '`redis`, `memcached`: pool of the same protocol that gets copies of commands, whose replies nobody sees.',
    additionalProperties: false,
    required: ['pool'],
    properties: {
      pool: { type: 'string', description: 'The pool that gets the copies.', minLength: 1 },
      percent: {
        type: 'number',
        description: 'Share of the keys whose commands are copied.',
        minimum: 0.01,
        maximum: 100,
        default: 100,
      },
      writes: { type: 'boolean', description: 'False copies reads only.', default: true },
    },
  },
  coalesce: {
    type: 'boolean',
    description:
      '`redis`, `memcached`: reads of one key that come while an equal one is on its way share its reply. Default: false.',
  },
}

/** What one of the `routes` of a `redis` or `memcached` listener has besides its pool. */
export const PREFIX_SCHEMA: OptionSchema = {
  type: 'string',
  description:
    '`redis`, `memcached`: the keys that begin so, byte by byte; the longest prefix wins. All other keys are those of `pool`.',
  minLength: 1,
  maxLength: 250,
}
