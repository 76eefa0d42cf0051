import type { OptionSchema } from './option.ts'

const file = (description: string): OptionSchema => ({ type: 'string', description, minLength: 1 })

/** How a listener serves TLS. */
export const LISTENER_TLS_SCHEMA: OptionSchema = {
  type: 'object',
  description: 'Serve TLS with these certificates; on `http` listeners HTTP/2 included.',
  additionalProperties: false,
  required: ['certificates'],
  properties: {
    certificates: {
      type: 'array',
      description: 'Chosen by the name that a client asks for; the first serves all others.',
      minItems: 1,
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['cert', 'key'],
        properties: {
          cert: file('PEM file of the certificate and those above it.'),
          key: file('PEM file of its key.'),
        },
      },
    },
    clientCa: file('PEM file of authorities: clients have to show a certificate of theirs.'),
    clientCertRequired: {
      type: 'boolean',
      description: 'False lets clients without a certificate in.',
      default: true,
    },
    http2: { type: 'boolean', description: '`http`: offer HTTP/2.', default: true },
  },
}
