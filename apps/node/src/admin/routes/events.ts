import type { FastifyInstance } from 'fastify'
import type { NodeEvent } from '../../event-log.ts'
import type { AdminView } from '../view.ts'

/** Listeners at once; one more gets 503. */
export const EVENT_STREAMS_MAX = 64
/** Bytes that may wait for a listener that does not read; above it, it is cut off and may ask again from its last event. */
const WAITING_BYTES_MAX = 1_048_576
/** A comment keeps proxies from closing a quiet stream. */
const HEARTBEAT_MS = 15_000

interface EventsRequest {
  Querystring: { since?: number }
}

/**
 * `GET /v1/events`: what happens on this member, as server-sent events. First those that are kept after number `since` (or the
 * header `last-event-id`), then those to come.
 */
export function eventRoutes(server: FastifyInstance, view: AdminView): void {
  let streams = 0
  server.get<EventsRequest>(
    '/v1/events',
    {
      schema: {
        querystring: {
          type: 'object',
          properties: { since: { type: 'integer', minimum: 0 } },
        },
      },
    },
    async (request, reply) => {
      if (streams >= EVENT_STREAMS_MAX)
        return reply.code(503).send({
          error: 'TOO_MANY_STREAMS',
          message: `there are ${EVENT_STREAMS_MAX} listeners already`,
        })
      streams++
      reply.hijack()
      const stream = reply.raw
      stream.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      })
      stream.write(': events of this member\n\n')
      const send = (event: NodeEvent) => {
        if (stream.writableLength > WAITING_BYTES_MAX) stream.destroy()
        else stream.write(formatEvent(event))
      }
      const last = Number(request.headers['last-event-id'])
      const since = request.query.since ?? (Number.isSafeInteger(last) && last >= 0 ? last : 0)
      for (const event of view.events.since(since)) send(event)
      const stop = view.events.listen(send)
      const heartbeat = setInterval(() => stream.write(':\n\n'), HEARTBEAT_MS)
      stream.once('close', () => {
        streams--
        stop()
        clearInterval(heartbeat)
      })
      return reply
    },
  )
}

function formatEvent(event: NodeEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`
}
