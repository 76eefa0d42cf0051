import type { OptionSchema } from './option.ts'
import { PLACEMENT_SCHEMA } from './placement.ts'

const backend: OptionSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  properties: {
    url: {
      type: 'string',
      description: 'Where the server is: `redis://HOST:PORT` or `memcached://HOST:PORT`.',
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
        '`store`: the embedded replicated store. `redis`, `memcached`: the servers listed under `backends`.',
      enum: ['store', 'redis', 'memcached'],
    },
    placement: PLACEMENT_SCHEMA,
    replicas: {
      type: 'integer',
      description:
        'Distinct members that hold each key of a `store` pool. Other pools keep one copy.',
      minimum: 1,
      maximum: 8,
      default: 2,
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
    backends: {
      type: 'array',
      description: '`redis` and `memcached`: the servers.',
      minItems: 1,
      items: backend,
    },
  },
}
