import { WEIGHT_MAX } from '../cluster/member-tags.ts'

/**
 * The configuration, as one JSON Schema: it validates the file, names the environment variables, and prints
 * docs/configuration.md. A new option is a new entry here and nowhere else.
 *
 * Own keywords: `x-format` names a check of config/formats.ts; `x-allowed` says in words what is allowed.
 */
export interface OptionSchema {
  readonly type:
    | 'string'
    | 'integer'
    | 'number'
    | 'boolean'
    | 'object'
    | 'array'
    | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly minProperties?: number
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, OptionSchema>>
  readonly additionalProperties?: boolean | OptionSchema
  readonly required?: readonly string[]
  readonly items?: OptionSchema
  readonly 'x-format'?: 'host-port' | 'advertise' | 'seed' | 'bytes' | 'key' | 'redis-url'
  readonly 'x-allowed'?: string
}

const hostPort = (description: string, fallback?: string): OptionSchema => ({
  type: 'string',
  description,
  'x-format': 'host-port',
  ...(fallback === undefined ? {} : { default: fallback }),
})

const NAME_PATTERN = '^[A-Za-z0-9._-]{1,128}$'
const NAME_ALLOWED = '1 to 128 letters, digits, dots, dashes and underscores'

const backend: OptionSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['url'],
  properties: {
    url: {
      type: 'string',
      description: 'Where the server is: `redis://HOST:PORT`.',
      'x-format': 'redis-url',
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

const pool: OptionSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['protocol'],
  properties: {
    protocol: {
      type: 'string',
      description:
        '`store`: the embedded replicated store. `redis`: Redis servers listed under `backends`.',
      enum: ['store', 'redis'],
    },
    placement: {
      type: 'string',
      description: 'Placement of keys on backends.',
      enum: ['ringway'],
      default: 'ringway',
    },
    replicas: {
      type: 'integer',
      description:
        'Distinct members that hold each key of a `store` pool. A `redis` pool keeps one copy.',
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
    backends: { type: 'array', description: '`redis`: the servers.', minItems: 1, items: backend },
  },
}

const listener: OptionSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['protocol', 'bind', 'pool'],
  properties: {
    protocol: { type: 'string', description: 'What clients speak.', enum: ['redis'] },
    bind: hostPort('Address on which clients connect.'),
    pool: { type: 'string', description: 'Pool that serves them.', minLength: 1 },
  },
}

export const CONFIG_SCHEMA: OptionSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    name: {
      type: 'string',
      description: 'Unique name of the member. Default: the host name.',
      pattern: NAME_PATTERN,
      'x-allowed': NAME_ALLOWED,
    },
    zone: {
      type: 'string',
      description: 'Failure zone, e.g. a rack or an availability zone.',
      minLength: 1,
      maxLength: 64,
    },
    weight: {
      type: 'number',
      description: 'Share of the ring relative to other members.',
      exclusiveMinimum: 0,
      maximum: WEIGHT_MAX,
      default: 1,
    },
    profile: {
      type: 'string',
      description: "Gossip timings, memberlist's presets.",
      enum: ['lan', 'wan', 'local'],
      default: 'lan',
    },
    logLevel: {
      type: 'string',
      description: 'Least severe log line to print (JSON lines on stderr).',
      enum: ['trace', 'debug', 'info', 'warn', 'error', 'silent'],
      default: 'info',
    },
    insecure: {
      type: 'boolean',
      description: 'Allow gossip and peer links beyond this machine without a key.',
      default: false,
    },
    gossip: {
      type: 'object',
      additionalProperties: false,
      properties: {
        bind: hostPort('UDP and TCP address of the membership protocol.', '127.0.0.1:7946'),
        advertise: {
          type: 'string',
          description: 'Address told to others, `HOST` or `HOST:PORT`. Default: the bound address.',
          'x-format': 'advertise',
        },
        join: {
          type: 'array',
          description:
            "Seeds: members to join through. A node without seeds, or one that lists its own address, founds the cluster when it finds none. Members that only name each other found one together once more than half of a member's seeds have answered. A node whose seeds do not answer waits.",
          items: { type: 'string', 'x-format': 'seed' },
          default: [],
        },
        encrypt: {
          type: 'array',
          description:
            'Cluster keys, base64 of 16, 24 or 32 bytes; the first encrypts, all decrypt.',
          items: { type: 'string', 'x-format': 'key' },
          default: [],
        },
        label: {
          type: 'string',
          description: 'Label of the gossip cluster; members with another label are ignored.',
          maxLength: 255,
          default: '',
        },
        delegate: {
          type: 'string',
          description:
            'Delegate versions to announce: `plain` memberlist, or `serf` to share a cluster with Serf agents.',
          enum: ['plain', 'serf'],
          default: 'plain',
        },
      },
    },
    peer: {
      type: 'object',
      additionalProperties: false,
      properties: {
        bind: hostPort(
          'TCP address of the links between members. Default: the gossip host and gossip port + 1.',
        ),
      },
    },
    pools: {
      type: 'object',
      description: 'Pools by name. Default: one pool `store` on the embedded store.',
      minProperties: 1,
      additionalProperties: pool,
    },
    listeners: {
      type: 'array',
      description:
        'Client addresses. Default: one Redis listener on 127.0.0.1:6380 for the first pool.',
      items: listener,
    },
    admin: {
      type: 'object',
      additionalProperties: false,
      properties: {
        bind: hostPort('HTTP address of the admin API, health and metrics.', '127.0.0.1:7900'),
        token: {
          type: 'string',
          description:
            'When set, the API wants `Authorization: Bearer TOKEN` (health checks do not).',
          minLength: 1,
        },
      },
    },
  },
}
