import { BACKEND_SCHEMA } from './backend.ts'
import { CACHE_ROUTING_PROPERTIES } from './cache-routing.ts'
import { HTTP_POOL_PROPERTIES } from './http.ts'
import type { OptionSchema } from './option.ts'
import { OLD_PLACEMENT_SCHEMA, PLACEMENT_SCHEMA } from './placement.ts'
import { REDIS_POOL_PROPERTIES } from './redis-pool.ts'

/** One entry of `pools`. */
export const POOL_SCHEMA: OptionSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['protocol'],
  properties: {
    protocol: {
      type: 'string',
      description:
        '`store`: the embedded replicated store. `redis`, `memcached`, `http`: the servers listed under `backends`.',
      enum: ['store', 'redis', 'memcached', 'http'],
    },
    placement: PLACEMENT_SCHEMA,
    replicas: {
      type: 'integer',
      description:
        'Copies of each key: on distinct members (`store`, default 2) or backends (`redis`, `memcached`, default 1).',
      minimum: 1,
      maximum: 8,
    },
    minCopies: {
      type: 'integer',
      description: '`store`: refuse a write with `-NOREPLICAS` when fewer members can apply it.',
      minimum: 1,
      maximum: 8,
      default: 1,
    },
    maxMemory: {
      type: ['string', 'integer'],
      description: '`store`: bytes for all copies that this member holds; units kb, mb, gb.',
      default: '256mb',
      'x-format': 'bytes',
    },
    maxMemoryPolicy: {
      type: 'string',
      description: '`store`: what happens to a write when the memory is full.',
      enum: ['allkeys-lru', 'noeviction'],
      default: 'allkeys-lru',
    },
    ...REDIS_POOL_PROPERTIES,
    ...CACHE_ROUTING_PROPERTIES,
    ...HTTP_POOL_PROPERTIES,
    multiKey: {
      type: 'string',
      description:
        '`redis`: what the keys of one command need that cannot be split. `slot`: the same key or `{tag}`. `owner`: one backend that owns them all, which depends on the ring.',
      enum: ['slot', 'owner'],
      default: 'slot',
    },
    backends: {
      type: 'array',
      description: '`redis`, `memcached` and `http`: the servers, and places that name servers.',
      minItems: 1,
      items: BACKEND_SCHEMA,
    },
    migrateFrom: {
      type: 'object',
      description:
        '`redis` and `memcached`: where keys were before. For a while, a miss asks the old owner of the key and copies back, and writes delete there.',
      required: ['until'],
      additionalProperties: false,
      properties: {
        placement: OLD_PLACEMENT_SCHEMA,
        backends: {
          type: 'array',
          description: 'The old servers. Default: those of the pool.',
          minItems: 1,
          items: BACKEND_SCHEMA,
        },
        until: {
          type: 'string',
          description:
            'When old owners are asked no more: a time, or how long after the start of each member.',
          'x-format': 'until',
        },
      },
    },
  },
}
