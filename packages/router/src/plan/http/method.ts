import type { Method } from '../../codec/http1/request-head.ts'

/** Methods whose requests may be sent twice without another effect than once (RFC 9110 §9.2.2). */
export const IDEMPOTENT = {
  GET: true,
  HEAD: true,
  OPTIONS: true,
  TRACE: true,
  PUT: true,
  DELETE: true,
  POST: false,
  PATCH: false,
  CONNECT: false,
  OTHER: false,
} as const satisfies Record<Method, boolean>
