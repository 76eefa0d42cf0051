import type { FastifyInstance } from 'fastify'
import type { AdminView } from '../view.ts'

/** `GET /metrics`: the node's one registry in the Prometheus text format. */
export function metricsRoutes(server: FastifyInstance, view: AdminView): void {
  server.get('/metrics', async (_request, reply) =>
    reply
      .header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
      .send(await view.metrics()),
  )
}
