import type { OptionSchema } from './option.ts'

const file = (description: string): OptionSchema => ({
  type: 'string',
  description,
  minLength: 1,
})

/** What `redis` and `memcached` pools have, and what is said of reaching servers. */
export const REDIS_POOL_PROPERTIES: Readonly<Record<string, OptionSchema>> = {
  ack: {
    type: 'string',
    description:
      '`redis`, `memcached` with `replicas`: how many owners have to apply a write before it is answered.',
    enum: ['one', 'quorum', 'all'],
  },
  read: {
    type: 'string',
    description:
      '`redis`, `memcached` with `replicas`: which owner answers a read: the first, any in turn, or the nearest (same zone, then fastest).',
    enum: ['primary', 'any', 'nearest'],
  },
  onReturn: {
    type: 'string',
    description:
      '`redis`, `memcached`: what a backend does after an outage, before it serves keys that were written elsewhere: copy or delete them one by one (`replay`), everything is deleted (`flush`), nothing (`serve`, shows old values).',
    enum: ['replay', 'flush', 'serve'],
  },
  onOverflow: {
    type: 'string',
    description:
      '`redis`, `memcached`: what happens when more keys than `journalKeysMax` were written meanwhile.',
    enum: ['flush', 'serve'],
  },
  journalKeysMax: {
    type: 'integer',
    description:
      '`redis`, `memcached`: keys remembered per backend during an outage. Default: 100000.',
    minimum: 1,
    maximum: 10_000_000,
  },
  warmUp: {
    type: 'boolean',
    description:
      '`redis`, `memcached` with `replicas`: a read that finds nothing asks the next owner, too, and the first owner gets a copy. Default: false.',
  },
  orderWrites: {
    type: 'boolean',
    description:
      '`redis` with `replicas`: writes of a key go through one of all members, so that its copies stay equal though several members write it at once. Default: false.',
  },
  check: {
    type: 'object',
    description:
      '`redis`, `memcached`, `http`: asks every backend (PING, `version`, GET, or a connection), besides noticing what fails.',
    additionalProperties: false,
    properties: {
      path: {
        type: 'string',
        description: '`http`: target of the GET. Default: a connection is enough.',
        pattern: '^/[\\x21-\\x7e]*$',
        'x-allowed': 'a path that begins with /',
      },
      host: {
        type: 'string',
        description: '`http`: value of the Host field. Default: the address of the backend.',
        pattern: '^[A-Za-z0-9._:\\[\\]-]{1,255}$',
        'x-allowed': 'HOST or HOST:PORT',
      },
      status: {
        type: ['string', 'integer'],
        description: '`http`: statuses that pass, such as 204 or 200-299.',
        pattern: '^[1-5][0-9]{2}(-[1-5][0-9]{2})?$',
        minimum: 100,
        maximum: 599,
        'x-allowed': 'a status, or two with a dash between them',
        default: '200-399',
      },
      intervalMs: {
        type: 'integer',
        description: 'Milliseconds between two checks of a backend.',
        minimum: 100,
        maximum: 3_600_000,
        default: 2_000,
      },
      timeoutMs: {
        type: 'integer',
        description: 'How long a check may take.',
        minimum: 10,
        maximum: 60_000,
        default: 1_000,
      },
      rise: {
        type: 'integer',
        description: 'Checks in a row that have to pass before a backend that is down is up.',
        minimum: 1,
        maximum: 100,
        default: 2,
      },
      fall: {
        type: 'integer',
        description: 'Checks in a row that have to fail before a backend that is up is down.',
        minimum: 1,
        maximum: 100,
        default: 3,
      },
    },
  },
  tls: {
    type: 'object',
    description: '`redis`, `http`: how `rediss://` and `https://` backends are verified.',
    additionalProperties: false,
    properties: {
      ca: file('PEM file of the authorities that sign the backends. Default: those of Node.js.'),
      cert: file('PEM file of our own certificate, for backends that ask for one.'),
      key: file('PEM file of its key.'),
      servername: file('The name in the certificates. Default: the host of the URL.'),
      verify: {
        type: 'boolean',
        description: 'False takes any certificate.',
        default: true,
      },
    },
  },
}
