import { HTTP_LISTENER_PROPERTIES } from './http.ts'
import { LISTENER_TLS_SCHEMA } from './listener-tls.ts'
import { hostPort, type OptionSchema } from './option.ts'

/** One entry of `listeners`. */
export const LISTENER_SCHEMA: OptionSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['protocol', 'bind'],
  properties: {
    protocol: {
      type: 'string',
      description: 'What clients speak.',
      enum: ['redis', 'memcached', 'http'],
    },
    bind: hostPort('Address on which clients connect.'),
    pool: {
      type: 'string',
      description:
        'Pool that serves them. `http` may have `routes` instead; with `routes` of `redis` and `memcached`: all keys without a route.',
      minLength: 1,
    },
    ...HTTP_LISTENER_PROPERTIES,
    tls: LISTENER_TLS_SCHEMA,
    auth: {
      type: 'object',
      description: '`redis`: what clients have to say in `AUTH` or `HELLO` before they are served.',
      additionalProperties: false,
      properties: {
        user: {
          type: 'string',
          description: 'Name of the user. Who gives a password alone means `default`.',
          minLength: 1,
          default: 'default',
        },
        password: { type: 'string', description: 'Password of the user.', minLength: 1 },
        users: {
          type: 'array',
          description:
            'Further users. One that is listed twice has two passwords, so that they can be changed one after the other.',
          minItems: 1,
          items: {
            type: 'object',
            additionalProperties: false,
            required: ['user', 'password'],
            properties: {
              user: { type: 'string', description: 'Name of the user.', minLength: 1 },
              password: { type: 'string', description: 'Password of the user.', minLength: 1 },
            },
          },
        },
      },
    },
  },
}
