import type { FastifyInstance } from 'fastify'
import { ERROR_SCHEMA, LOOKUP_SCHEMA, POOLS_SCHEMA } from '../schemas.ts'
import type { AdminView } from '../view.ts'

const KEY_CHARACTERS_MAX = 4096

interface LookupRequest {
  Params: { pool: string }
  Querystring: { key: string }
}

/** `GET /v1/pools` and `GET /v1/pools/:pool/lookup?key=`: who serves what. */
export function poolRoutes(server: FastifyInstance, view: AdminView): void {
  server.get('/v1/pools', { schema: { response: { 200: POOLS_SCHEMA } } }, async () => ({
    pools: view.pools(),
  }))

  server.get<LookupRequest>(
    '/v1/pools/:pool/lookup',
    {
      schema: {
        querystring: {
          type: 'object',
          required: ['key'],
          properties: { key: { type: 'string', maxLength: KEY_CHARACTERS_MAX } },
        },
        response: { 200: LOOKUP_SCHEMA, 404: ERROR_SCHEMA },
      },
    },
    async (request, reply) => {
      const { pool } = request.params
      const lookup = view.lookup(pool, request.query.key)
      if (lookup) return lookup
      const known = view.pools().map(({ name }) => name)
      return reply.code(404).send({
        error: 'NO_SUCH_POOL',
        message: `there is no pool ${JSON.stringify(pool)}; pools: ${known.join(', ')}`,
      })
    },
  )
}
