import { RingError } from '@ringway/ring'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { ERROR_SCHEMA, PLAN_REQUEST_SCHEMA, PLAN_SCHEMA, RING_SCHEMA } from '../schemas.ts'
import type { AdminView, ApiPlan, PlanChange, PlanRefusal } from '../view.ts'

interface PlanBody {
  readonly pool?: string
  readonly add?: { readonly id: string; readonly weight?: number; readonly zone?: string }
  readonly remove?: string
}

/** `GET /v1/pools/:pool/ring`, and `POST /v1/plan`: what a change would move, before it is made. */
export function ringRoutes(server: FastifyInstance, view: AdminView): void {
  server.get<{ Params: { pool: string } }>(
    '/v1/pools/:pool/ring',
    { schema: { response: { 200: RING_SCHEMA, 404: ERROR_SCHEMA } } },
    async (request, reply) =>
      view.ring(request.params.pool) ?? noPool(reply, view, request.params.pool),
  )

  server.post<{ Body: PlanBody }>(
    '/v1/plan',
    {
      schema: {
        body: PLAN_REQUEST_SCHEMA,
        response: { 200: PLAN_SCHEMA, 400: ERROR_SCHEMA, 404: ERROR_SCHEMA, 409: ERROR_SCHEMA },
      },
    },
    async (request, reply) => {
      const { pool } = request.body
      const change = changeOf(request.body)
      if (change === undefined)
        return reply.code(400).send({
          error: 'CHANGE_INVALID',
          message: 'allowed: either add (a node) or remove (its id)',
        })
      try {
        const planned = view.plan(pool, change)
        if (planned === undefined) return noPool(reply, view, pool ?? '')
        if (!isRefusal(planned)) return planned
        const { error, message } = planned
        return reply.code(error === 'NODE_EXISTS' ? 409 : 404).send({ error, message })
      } catch (error) {
        // A weight that this placement does not take, or too many points.
        if (!(error instanceof RingError)) throw error
        return reply.code(400).send({ error: error.code, message: error.message })
      }
    },
  )
}

function changeOf({ add, remove }: PlanBody): PlanChange | undefined {
  if ((add === undefined) === (remove === undefined)) return undefined
  return add === undefined ? { type: 'remove', id: remove ?? '' } : { type: 'add', ...add }
}

function isRefusal(planned: ApiPlan | PlanRefusal): planned is PlanRefusal {
  return 'type' in planned
}

function noPool(reply: FastifyReply, view: AdminView, pool: string) {
  const known = view.pools().map(({ name }) => name)
  return reply.code(404).send({
    error: 'NO_SUCH_POOL',
    message: `there is no pool ${JSON.stringify(pool)}; pools: ${known.join(', ')}`,
  })
}
