import { hostPort, type OptionSchema } from './option.ts'

/** One entry of `listeners`. */
export const LISTENER_SCHEMA: OptionSchema = {
  type: 'object',
  additionalProperties: false,
  required: ['protocol', 'bind', 'pool'],
  properties: {
    protocol: { type: 'string', description: 'What clients speak.', enum: ['redis', 'memcached'] },
    bind: hostPort('Address on which clients connect.'),
    pool: { type: 'string', description: 'Pool that serves them.', minLength: 1 },
    auth: {
      type: 'object',
      description: '`redis`: what clients have to say in `AUTH` or `HELLO` before they are served.',
      additionalProperties: false,
      required: ['password'],
      properties: {
        user: {
          type: 'string',
          description: 'Name of the user.',
          minLength: 1,
          default: 'default',
        },
        password: { type: 'string', description: 'Password of the user.', minLength: 1 },
      },
    },
  },
}
