import type { FastifyInstance } from 'fastify'
import { MEMBER_ACTIONS } from '../../fleet/member-action.ts'
import { ERROR_SCHEMA, MEMBERS_SCHEMA } from '../schemas.ts'
import type { AdminView } from '../view.ts'

interface MemberRequest {
  Params: { name: string }
}

/**
 * `GET /v1/members`: every member that gossip knows, dead and left ones included until they are forgotten.
 * `POST /v1/members/:name/drain|undrain|leave`: asks it of that member, whichever member is asked.
 */
export function memberRoutes(server: FastifyInstance, view: AdminView): void {
  server.get('/v1/members', { schema: { response: { 200: MEMBERS_SCHEMA } } }, async () => ({
    members: view.members(),
  }))

  for (const action of MEMBER_ACTIONS)
    server.post<MemberRequest>(
      `/v1/members/:name/${action}`,
      { schema: { response: { 404: ERROR_SCHEMA, 409: ERROR_SCHEMA } } },
      async (request, reply) => {
        await view.actOnMember(request.params.name, action)
        return reply.code(202).send({ name: request.params.name, action })
      },
    )
}
