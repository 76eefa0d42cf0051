import type { FastifyInstance } from 'fastify'
import { ERROR_SCHEMA, RELOAD_SCHEMA } from '../schemas.ts'
import type { AdminView } from '../view.ts'

/** `POST /v1/reload`: reads the configuration again and takes it, as SIGHUP does; says what changed and what needs a restart. */
export function reloadRoutes(server: FastifyInstance, view: AdminView): void {
  const response = { 200: RELOAD_SCHEMA, 400: ERROR_SCHEMA, 409: ERROR_SCHEMA }
  server.post('/v1/reload', { schema: { response } }, async () => await view.reload())
}
