import { WEIGHT_MAX } from '../cluster/member-tags.ts'
import { GOSSIP_SCHEMA } from './schema/gossip.ts'
import { COOKIE_SCHEMA } from './schema/http.ts'
import { HTTP_LIMITS_SCHEMA } from './schema/http-limits.ts'
import { LISTENER_SCHEMA } from './schema/listener.ts'
import { hostPort, type OptionSchema } from './schema/option.ts'
import { POOL_SCHEMA } from './schema/pool.ts'

const NAME_PATTERN = '^[A-Za-z0-9._-]{1,128}$'
const NAME_ALLOWED = '1 to 128 letters, digits, dots, dashes and underscores'

/**
 * The configuration, as one JSON Schema: it validates the file, names the environment variables, and prints
 * docs/configuration.md. A new option is a new entry here or in schema/, and nowhere else.
 */
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
    drainTimeoutMs: {
      type: 'integer',
      description:
        'How long requests in flight may take when the node stops or a listener is taken out of the configuration.',
      minimum: 1,
      maximum: 3_600_000,
      default: 5_000,
    },
    gossip: GOSSIP_SCHEMA,
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
      additionalProperties: POOL_SCHEMA,
    },
    listeners: {
      type: 'array',
      description:
        'Client addresses. Default: one Redis listener on 127.0.0.1:6380 for the first pool.',
      items: LISTENER_SCHEMA,
    },
    http: HTTP_LIMITS_SCHEMA,
    cookie: COOKIE_SCHEMA,
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
