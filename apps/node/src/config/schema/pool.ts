import { HTTP_POOL_PROPERTIES } from './http.ts'
import type { OptionSchema } from './option.ts'
import { OLD_PLACEMENT_SCHEMA, PLACEMENT_SCHEMA } from './placement.ts'
import { REDIS_POOL_PROPERTIES } from './redis-pool.ts'

const backend: OptionSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  properties: {
    url: {
      type: 'string',
      description:
        'Where the server is: `redis://[USER:PASSWORD@]HOST:PORT[/DATABASE]` (`rediss://` in TLS), `unix:/PATH[?db=DATABASE]` `memcached://HOST:PORT`, `http://HOST:PORT` or `https://HOST:PORT`.',
      'x-format': 'backend-url',
    },
    id: {
      type: 'string',
      description: 'Ring id. Keys follow the id, not the address.',
      minLength: 1,
      maxLength: 255,
    },
    weight: {
      type: 'number',
      description: 'Share of the ring relative to the others.',
      exclusiveMinimum: 0,
      maximum: 1000,
      default: 1,
    },
    zone: { type: 'string', description: 'Zone of the backend.', minLength: 1, maxLength: 64 },
    user: {
      type: 'string',
      description: '`redis`: user of AUTH, when it is not in the URL.',
      minLength: 1,
      maxLength: 512,
    },
    password: {
      type: 'string',
      description: '`redis`: password of AUTH, when it is not in the URL.',
      minLength: 1,
      maxLength: 512,
    },
  },
}

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
        'Copies of each key: on distinct members (`store`, default 2) or backends (`redis`, default 1).',
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
      description: '`redis`, `memcached` and `http`: the servers.',
      minItems: 1,
      items: backend,
    },
    migrateFrom: {
      type: 'object',
      description:
        '`redis`: where keys were before. For a while, a miss asks the old owner of the key and copies back, and writes delete there.',
      required: ['until'],
      additionalProperties: false,
      properties: {
        placement: OLD_PLACEMENT_SCHEMA,
        backends: {
          type: 'array',
          description: 'The old servers. Default: those of the pool.',
          minItems: 1,
          items: backend,
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
