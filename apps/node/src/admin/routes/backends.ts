import type { FastifyInstance, FastifyReply } from 'fastify'
import type { BackendChange } from '../../fleet/override.ts'
import { BACKEND_SCHEMA, ERROR_SCHEMA } from '../schemas.ts'
import type { AdminView } from '../view.ts'

interface BackendRequest {
  Params: { pool: string; id: string }
}
interface WeightRequest extends BackendRequest {
  Body: { weight: number }
}
interface AddRequest {
  Params: { pool: string }
  Body: { url: string; id?: string; weight?: number; zone?: string }
}

const response = {
  200: BACKEND_SCHEMA,
  201: BACKEND_SCHEMA,
  400: ERROR_SCHEMA,
  404: ERROR_SCHEMA,
  409: ERROR_SCHEMA,
}
const weight = { type: 'number', exclusiveMinimum: 0, maximum: 1_000 } as const

/**
 * Changes of a pool's backends at run time, kept by all members and shown as overrides in `GET /v1/pools`:
 * `POST /v1/pools/:pool/backends` with `{ url, id?, weight?, zone? }` adds one, `DELETE /v1/pools/:pool/backends/:id` removes one,
 * `POST /v1/pools/:pool/backends/:id/drain|undrain|reset`, and `/weight` with `{ weight }`.
 */
export function backendRoutes(server: FastifyInstance, view: AdminView): void {
  const path = '/v1/pools/:pool/backends/:id'
  const change = async (pool: string, id: string, wanted: BackendChange, reply: FastifyReply) => {
    const backend = view.changeBackend(pool, id, wanted)
    return backend ? reply.send(backend) : reply.code(204).send()
  }

  const addSchema = {
    body: {
      type: 'object',
      required: ['url'],
      additionalProperties: false,
      properties: {
        url: { type: 'string', minLength: 1, maxLength: 512 },
        id: { type: 'string', minLength: 1, maxLength: 255 },
        weight,
        zone: { type: 'string', minLength: 1, maxLength: 64 },
      },
    },
    response,
  } as const
  server.post<AddRequest>(
    '/v1/pools/:pool/backends',
    { schema: addSchema },
    async (request, reply) => {
      const { id, ...entry } = request.body
      // Without an id of its own it is called as a backend of the file would be: by its address.
      const name = id ?? entry.url.replace(/^[a-z]+:\/\//, '').replace(/^[^/@]*@|\/.*$/g, '')
      const backend = view.changeBackend(request.params.pool, name.toLowerCase(), {
        type: 'add',
        entry,
      })
      return reply.code(201).send(backend)
    },
  )
  server.delete<BackendRequest>(path, { schema: { response } }, async ({ params }, reply) =>
    change(params.pool, params.id, { type: 'remove' }, reply),
  )
  for (const type of ['drain', 'undrain', 'reset'] as const)
    server.post<BackendRequest>(
      `${path}/${type}`,
      { schema: { response } },
      async ({ params }, reply) => change(params.pool, params.id, { type }, reply),
    )
  server.post<WeightRequest>(
    `${path}/weight`,
    {
      schema: {
        body: { type: 'object', required: ['weight'], properties: { weight } },
        response,
      },
    },
    async ({ params, body }, reply) =>
      change(params.pool, params.id, { type: 'weight', weight: body.weight }, reply),
  )
}
