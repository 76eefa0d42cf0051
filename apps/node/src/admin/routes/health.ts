import type { FastifyInstance } from 'fastify'
import { READINESS_SCHEMA } from '../schemas.ts'
import type { AdminView } from '../view.ts'

/** `/healthz`: the process answers. `/readyz`: the node serves its keys; 503 with the reason until then. */
export function healthRoutes(server: FastifyInstance, view: AdminView): void {
  const schema = { response: { '2xx': READINESS_SCHEMA, 503: READINESS_SCHEMA } }
  server.get('/healthz', { schema }, async () => ({ name: view.name, ...view.readiness() }))
  server.get('/readyz', { schema }, async (_request, reply) => {
    const readiness = view.readiness()
    return reply.code(readiness.ready ? 200 : 503).send({ name: view.name, ...readiness })
  })
}
