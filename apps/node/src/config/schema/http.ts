import { OUTLIER_LIMITS, type OutlierLimits, PANIC_PERCENT } from '@ringway/router'
import { PREFIX_SCHEMA } from './cache-routing.ts'
import type { OptionSchema } from './option.ts'

const outlier = (
  name: keyof OutlierLimits,
  description: string,
  maximum: number,
): OptionSchema => ({
  type: 'integer',
  description,
  minimum: 1,
  maximum,
  default: OUTLIER_LIMITS[name],
})

/** What `http` pools have, and in part all pools with servers. */
export const HTTP_POOL_PROPERTIES: Readonly<Record<string, OptionSchema>> = {
  balance: {
    type: 'string',
    description:
      '`http`: who serves a request: the owner of its key (`hash`; without a key in turn), or by turn or load.',
    enum: ['hash', 'round-robin', 'least-connections', 'p2c'],
    default: 'hash',
  },
  loadFactor: {
    type: 'number',
    description:
      '`http`: times the fair share of requests that a backend may carry before a session that is placed goes to the next owner.',
    minimum: 1,
    maximum: 100,
    default: 1.25,
  },
  allowSpill: {
    type: 'boolean',
    description: '`http`: load and zone may move keys of plain `hash` too.',
    default: false,
  },
  slowStartMs: {
    type: 'integer',
    description:
      '`http`, `redis`, `memcached`: how long a backend that is new or returned takes to get its whole share, in ten steps. With `hash`, and with keys, what moves only moves to it.',
    minimum: 0,
    maximum: 3_600_000,
    default: 0,
  },
  panicPercent: {
    type: 'number',
    description:
      '`http`: when a smaller share of the backends that are up is usable, all of them are used: more likely the checks are wrong.',
    minimum: 0,
    maximum: 100,
    default: PANIC_PERCENT,
  },
  outliers: {
    type: 'object',
    description:
      'When a backend that answers badly gets no new work for a while. Bad are, with `http`: 502, 503, 504, malformed and broken off responses, and none in time; with `redis`: LOADING, MASTERDOWN, BUSY, READONLY, MISCONF, CLUSTERDOWN, and each outage; with `memcached`: SERVER_ERROR but for lack of memory, and each outage. Default of `redis` and `memcached`: nobody is ejected.',
    additionalProperties: false,
    properties: {
      failuresMax: outlier('failuresMax', 'Bad answers in a row that eject it.', 100_000),
      failurePercentMax: {
        ...outlier('failurePercentMax', 'Share of bad answers in a window above which it is.', 101),
        'x-allowed': 'a percentage, or 101 for never',
      },
      windowAnswersMin: outlier(
        'windowAnswersMin',
        'Answers in a window below which the share says nothing.',
        1_000_000,
      ),
      windowMs: outlier('windowMs', 'Length of a window in milliseconds.', 3_600_000),
      ejectMsMin: outlier(
        'ejectMsMin',
        'Length of the first ejection; each further one is twice as long.',
        3_600_000,
      ),
      ejectMsMax: outlier('ejectMsMax', 'Length of the longest one.', 86_400_000),
      ejectPercentMax: {
        ...outlier(
          'ejectPercentMax',
          'Share of the pool that may be ejected, in percent; 0 ejects none. The last usable backend never is.',
          100,
        ),
        minimum: 0,
      },
    },
  },
  drainTimeoutMs: {
    type: 'integer',
    description:
      '`http`: how long requests and WebSockets may go on at a backend that is drained (those of bound sessions stay) or removed. Default: 30000.',
    minimum: 1,
    maximum: 86_400_000,
  },
  cookieMaxAgeMs: {
    type: 'integer',
    description:
      '`http`: how long a `pinned` cookie of this pool is believed after its issue, and keys that are no longer listed still open it; it is issued anew when half of the time is over. How long a browser keeps it is `cookie.maxAgeSeconds` of the route. Default: 604800000 (a week).',
    minimum: 1_000,
    maximum: 31_536_000_000,
  },
}

/** What only `http` listeners have. */
export const HTTP_LISTENER_PROPERTIES: Readonly<Record<string, OptionSchema>> = {
  routes: {
    type: 'array',
    description:
      'Which pool serves which requests or keys. `http`: the most specific host, then the longest path wins; `redis`, `memcached`: see `prefix`.',
    minItems: 1,
    items: {
      type: 'object',
      additionalProperties: false,
      required: ['pool'],
      properties: {
        pool: { type: 'string', description: 'Pool that serves them.', minLength: 1 },
        prefix: PREFIX_SCHEMA,
        host: {
          type: 'string',
          description: '`shop.example`, or `*.shop.example` for every name below. Default: any.',
          pattern: '^(\\*\\.)?[A-Za-z0-9.:_\\[\\]-]+$',
          'x-allowed': 'a host name, or *. and a host name',
        },
        path: {
          type: 'string',
          description: 'Prefix of the path, by whole segments. Default: any.',
          pattern: '^/[^\\s?#]*$',
          'x-allowed': 'a path that begins with /',
        },
        key: {
          type: 'array',
          description: 'Where the session key is, in order: the first that a request has counts.',
          items: {
            type: 'string',
            pattern: '^(cookie:.+|header:.+|query:.+|path:/.+|host|ip)$',
            'x-allowed': 'cookie:NAME, header:NAME, query:NAME, path:/PATTERN/:id, host or ip',
          },
        },
        sticky: {
          type: 'string',
          description:
            'How sessions stay: by the key alone (`hash`), by a signed cookie (`pinned`), by the id that responses name (`learned`). Default: `pinned` when the first key is a cookie, else `hash`.',
          enum: ['hash', 'pinned', 'learned'],
        },
        preset: {
          type: 'string',
          description: 'Key and stickiness of a well-known kind of application.',
          enum: ['socket.io', 'yjs', 'hocuspocus', 'nextjs', 'express-session'],
        },
        cookie: {
          type: 'object',
          description: 'The cookie of `pinned`.',
          additionalProperties: false,
          properties: {
            name: { type: 'string', description: 'Its name.', minLength: 1, default: 'ringway' },
            secure: {
              type: ['boolean', 'string'],
              description:
                'Whether browsers send it over TLS only; `auto`: when it was set over TLS.',
              default: 'auto',
            },
            httpOnly: { type: 'boolean', description: 'Hidden from scripts.', default: true },
            sameSite: {
              type: 'string',
              description: 'Whether other sites may cause it to be sent.',
              enum: ['strict', 'lax', 'none'],
              default: 'lax',
            },
            path: { type: 'string', description: 'Path that it is for.', default: '/' },
            domain: { type: 'string', description: 'Domain that it is for. Default: the host.' },
            maxAgeSeconds: {
              type: 'integer',
              description: 'How long browsers keep it. Default: until they are closed.',
              minimum: 1,
            },
          },
        },
      },
    },
  },
  trustedProxies: {
    type: 'array',
    description:
      '`http`: addresses and networks of proxies in front, whose forwarded fields count.',
    items: { type: 'string', minLength: 1 },
  },
  proxyProtocol: {
    type: 'boolean',
    description: '`http`: every connection begins with a PROXY protocol header, version 1 or 2.',
  },
  forwarded: {
    type: 'boolean',
    description: '`http`: add `Forwarded` (RFC 7239) besides `X-Forwarded-*`. Default: false.',
  },
}

/** The section `cookie`. */
export const COOKIE_SCHEMA: OptionSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    secrets: {
      type: 'array',
      description:
        'Secrets of sticky cookies; the first signs, all open. Default: the cluster keys of `gossip.encrypt`.',
      items: { type: 'string', minLength: 16 },
      default: [],
    },
  },
}
