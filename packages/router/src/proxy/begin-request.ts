import type { RequestHead } from '../codec/http1/request-head.ts'
import { put, writeRequestHead } from '../codec/http1/write-head.ts'
import type { HttpFailure } from '../plan/http/failure.ts'
import type { Forwarding } from '../plan/http/forwarding.ts'
import { IDEMPOTENT } from '../plan/http/method.ts'
import type { HttpHost } from './http-host.ts'
import type { Stickiness } from './http-stickiness.ts'

/** Who asks. */
export interface Requester {
  readonly host: HttpHost
  readonly stickiness: Stickiness
  readonly forwarding: Forwarding
  /** The peer's address, or what the PROXY protocol said. */
  readonly peerIp: string
  failed(failure: HttpFailure, text: string): void
}

const LINE_END = Buffer.from('\r\n')

/** Finds route and pool of a parsed head, writes it as the backend gets it, and begins its exchange, or fails it. */
export function beginRequest(
  requester: Requester,
  head: RequestHead,
  bytes: Buffer,
  headTo: number,
): void {
  const { host, stickiness, forwarding, peerIp } = requester
  host.traffic.commands++
  const { routing, scratch } = host
  routing.view.show(head, bytes, host.clientIp(head, bytes, peerIp))
  const route = routing.match()
  if (route === undefined) {
    requester.failed('NO_ROUTE', 'no route of this listener matches the host and the path')
    return
  }
  const pool = host.poolNamed(route.pool)
  if (pool === undefined) {
    requester.failed('NO_POOL', `pool "${route.pool}" is not in the topology`)
    return
  }
  forwarding.drop(head)
  let to = writeRequestHead(head, bytes, headTo, scratch, 0)
  to = forwarding.write(head, bytes, host.requestIds, scratch, to)
  to = put(LINE_END, scratch, to)
  stickiness.begin(
    route,
    pool,
    routing.view,
    {
      idempotent: IDEMPOTENT[head.method],
      headRequest: head.method === 'HEAD',
      upgrade: head.upgrade,
    },
    { bytes: scratch, to, done: !head.hasBody },
  )
}
