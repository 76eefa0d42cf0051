import { timingSafeEqual } from 'node:crypto'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { Logger } from '../logger.ts'
import { backendRoutes } from './routes/backends.ts'
import { eventRoutes } from './routes/events.ts'
import { healthRoutes } from './routes/health.ts'
import { memberRoutes } from './routes/members.ts'
import { metricsRoutes } from './routes/metrics.ts'
import { poolRoutes } from './routes/pools.ts'
import { reloadRoutes } from './routes/reload.ts'
import { ringRoutes } from './routes/rings.ts'
import type { AdminView } from './view.ts'

const BODY_BYTES_MAX = 64 * 1024
const REQUEST_TIMEOUT_MS = 10_000
/** Longest path parameter, so that a look-up takes keys of 4 KiB even when every byte is percent-encoded. */
const PARAMETER_CHARACTERS_MAX = 16_384

/** What a change that an operator asks for can be refused with. */
const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  CONFIG_INVALID: 400,
  CONFIG_UNREADABLE: 400,
  INSECURE: 400,
  NO_SUCH_POOL: 404,
  NO_SUCH_BACKEND: 404,
  NO_SUCH_MEMBER: 404,
  CHANGE_REFUSED: 409,
  PORT_IN_USE: 409,
  CLOSED: 409,
}

export interface AdminServerOptions {
  readonly view: AdminView
  /** What a request has to show, asked for each one; undefined: nothing. */
  readonly token: () => string | undefined
  readonly log: Logger
}

/** The admin API, not yet listening: tests use `inject`. */
export function createAdminServer({ view, token, log }: AdminServerOptions): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: PARAMETER_CHARACTERS_MAX },
  })
  server.setErrorHandler(
    (error: Error & { statusCode?: number; code?: string }, request, reply) => {
      const status = error.statusCode ?? STATUS_OF_CODE[error.code ?? ''] ?? 500
      if (status >= 500) log.error({ err: error, url: request.url }, 'admin request failed')
      return reply.code(status).send({
        error: error.code ?? 'INTERNAL',
        message: status >= 500 ? 'internal error; see the log' : error.message,
      })
    },
  )
  server.setNotFoundHandler((request, reply) =>
    reply.code(404).send({
      error: 'NOT_FOUND',
      message: `there is no ${request.method} ${request.url.split('?')[0]}`,
    }),
  )
  healthRoutes(server, view)
  server.register(async (guarded) => {
    guarded.addHook('onRequest', bearerGuard(token))
    memberRoutes(guarded, view)
    poolRoutes(guarded, view)
    ringRoutes(guarded, view)
    backendRoutes(guarded, view)
    eventRoutes(guarded, view)
    reloadRoutes(guarded, view)
    metricsRoutes(guarded, view)
  })
  return server
}

function bearerGuard(token: () => string | undefined) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const wanted = token()
    if (wanted === undefined) return
    const expected = Buffer.from(`Bearer ${wanted}`)
    const given = Buffer.from(request.headers.authorization ?? '')
    if (given.length === expected.length && timingSafeEqual(given, expected)) return
    await reply.code(401).header('www-authenticate', 'Bearer').send({
      error: 'UNAUTHORIZED',
      message:
        'this API wants the header Authorization: Bearer TOKEN, with admin.token of the configuration',
    })
  }
}
