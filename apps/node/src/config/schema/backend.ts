import { hostPort, type OptionSchema } from './option.ts'

/** One entry of `backends`: a server, or a place that names servers. */
export const BACKEND_SCHEMA: OptionSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    url: {
      type: 'string',
      description:
        // biome-ignore lint/suspicious/noTemplateCurlyInString: what a user writes.
        'Where the server is: `redis://[USER:PASSWORD@]HOST:PORT[/DATABASE]` (`rediss://` in TLS), `unix:/PATH[?db=DATABASE]`, `memcached://HOST:PORT`, `http://HOST:PORT` or `https://HOST:PORT`. With `dns` and `srv` how found addresses are reached, with `${address}` and `${port}`.',
      'x-format': 'backend-url',
    },
    dns: {
      type: 'string',
      description:
        '`NAME:PORT`: every address of the name (A and AAAA records) is a server. The last good answer is kept while the name cannot be resolved.',
      'x-format': 'dns-name-port',
    },
    srv: {
      type: 'string',
      description:
        '`_SERVICE._PROTO.NAME`: every SRV record of the best priority is a server, with its weight.',
      pattern: '^_[A-Za-z0-9-]+\\._(tcp|udp)(\\.[A-Za-z0-9_-]+)+$',
      'x-allowed': '_SERVICE._tcp.NAME',
    },
    file: {
      type: 'string',
      description:
        'A file with one server per line, `URL [id=ID] [weight=N] [zone=Z]`, read again when it changes.',
      minLength: 1,
      maxLength: 4096,
    },
    refreshMs: {
      type: 'integer',
      description: 'How often `dns`, `srv` and `file` are looked at, in milliseconds.',
      minimum: 100,
      maximum: 3_600_000,
      default: 5000,
    },
    server: hostPort(
      'DNS server that is asked for `dns` and `srv`. Default: those of the machine.',
    ),
    id: {
      type: 'string',
      description: 'Ring id of a server with `url`. Keys follow the id, not the address.',
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
    zone: { type: 'string', description: 'Zone of the server.', minLength: 1, maxLength: 64 },
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
