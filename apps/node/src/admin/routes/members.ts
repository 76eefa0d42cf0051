import type { FastifyInstance } from 'fastify'
import { MEMBERS_SCHEMA } from '../schemas.ts'
import type { AdminView } from '../view.ts'

/** `GET /v1/members`: every member that gossip knows, dead and left ones included until they are forgotten. */
export function memberRoutes(server: FastifyInstance, view: AdminView): void {
  server.get('/v1/members', { schema: { response: { 200: MEMBERS_SCHEMA } } }, async () => ({
    members: view.members(),
  }))
}
