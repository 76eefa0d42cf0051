import { RING_LIMITS, RING_PLACEMENTS } from '@ringway/ring'
import type { OptionSchema } from './option.ts'

const NAMES = Object.keys(RING_PLACEMENTS)

/** `pools.<name>.placement`: a name, or a name with its options. What fits together is checked by building the ring. */
export const PLACEMENT_SCHEMA: OptionSchema = {
  type: ['string', 'object'],
  description:
    'How keys find their backends: the name of a placement, or a mapping with `type` and its options (docs/placements.md). A `store` pool takes `ringway` alone, without options.',
  default: 'ringway',
  'x-format': 'placement',
  'x-allowed': `${NAMES.join(', ')}, or a mapping with type and options`,
  required: ['type'],
  additionalProperties: false,
  properties: {
    type: { type: 'string', description: 'Name of the placement.', enum: NAMES },
    keyHash: {
      type: 'string',
      description:
        '`ringway`, `ketama`, `ketama-weighted`, `ketama-plain`, `haproxy`, `envoy`, `maglev`, `modula`: how a key becomes a number; each has its own names and default.',
    },
    hashTags: {
      type: 'boolean',
      description:
        'Hash only what stands between `{` and `}`. Default: true for `ringway`, `rendezvous` and `jump`, false for the others.',
    },
    pointsPerWeight: {
      type: 'integer',
      description: '`ringway`: points of a backend of weight 1. Default: 4096.',
      minimum: 1,
      maximum: RING_LIMITS.pointsMax,
    },
    defaultPort: {
      type: 'integer',
      description:
        '`ketama`, `ketama-weighted`, `ketama-plain`, `hashring`: the port that is left out of names; 0 for none. Default: 11211, 0 for `hashring`.',
      minimum: 0,
      maximum: 65_535,
    },
    style: {
      type: 'string',
      description: '`modula`: whose list. Default: `twemproxy`.',
      enum: ['twemproxy', 'libmemcached', 'nginx', 'haproxy'],
    },
    avalanche: {
      type: 'boolean',
      description: '`haproxy`, and `modula` in its style: `avalanche` is set in `hash-type`.',
    },
    serverIds: {
      type: 'object',
      description: '`haproxy`: the `id` of servers, by id of the backend.',
      additionalProperties: { type: 'integer', minimum: 1, maximum: 2_147_483_647 },
    },
    pointHash: {
      type: 'string',
      description: '`envoy`: its `hash_function`. Default: `xxh64`.',
      enum: ['xxh64', 'murmur2'],
    },
    minimumRingSize: {
      type: 'integer',
      description: '`envoy`: fewest points. Default: 1024.',
      minimum: 1,
      maximum: 8_388_608,
    },
    maximumRingSize: {
      type: 'integer',
      description: '`envoy`: most points. Default: 8388608.',
      minimum: 1,
      maximum: 8_388_608,
    },
    tableSize: {
      type: 'integer',
      description: '`maglev`: slots, a prime. Default: 65537.',
      minimum: 2,
      maximum: 5_000_011,
    },
    hashFunction: {
      type: 'string',
      description: '`mcrouter`: its `hash_func`. Default: `Ch3`.',
      enum: ['Ch3', 'WeightedCh3', 'Crc32', 'ConstShard'],
    },
    salt: { type: 'string', description: '`mcrouter`: its `salt`.', maxLength: 255 },
    compatibility: {
      type: 'string',
      description: '`hashring`: its `compatibility`. Default: `ketama`.',
      enum: ['ketama', 'hash_ring'],
    },
    vnodeCount: {
      type: 'integer',
      description: '`hashring`: its `vnode count`. Default: 40.',
      minimum: 1,
      maximum: 65_536,
    },
  },
}

const { default: _, properties = {}, ...rest } = PLACEMENT_SCHEMA

/** The same for `migrateFrom`; its options are described once, above. */
export const OLD_PLACEMENT_SCHEMA: OptionSchema = {
  ...rest,
  description: 'The old placement, written as `placement`. Default: that of the pool.',
  properties: Object.fromEntries(
    Object.entries(properties).map(([name, { description: _, ...option }]) => [name, option]),
  ),
}
