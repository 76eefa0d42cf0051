/** Why the router answers in place of a backend, with the status. The text that the client gets names pool and cause. */
export const HTTP_FAILURES = {
  BAD_REQUEST: { status: 400, reason: 'Bad Request' },
  REQUEST_TIMEOUT: { status: 408, reason: 'Request Timeout' },
  BODY_TOO_LARGE: { status: 413, reason: 'Content Too Large' },
  TARGET_TOO_LONG: { status: 414, reason: 'URI Too Long' },
  EXPECTATION: { status: 417, reason: 'Expectation Failed' },
  HEAD_TOO_LARGE: { status: 431, reason: 'Request Header Fields Too Large' },
  NOT_IMPLEMENTED: { status: 501, reason: 'Not Implemented' },
  VERSION: { status: 505, reason: 'HTTP Version Not Supported' },
  NO_ROUTE: { status: 404, reason: 'Not Found' },
  NO_POOL: { status: 503, reason: 'Service Unavailable' },
  NO_BACKEND: { status: 503, reason: 'Service Unavailable' },
  QUEUE_FULL: { status: 503, reason: 'Service Unavailable' },
  QUEUE_TIMEOUT: { status: 503, reason: 'Service Unavailable' },
  BACKEND_LOST: { status: 502, reason: 'Bad Gateway' },
  BAD_RESPONSE: { status: 502, reason: 'Bad Gateway' },
  UNREACHABLE: { status: 503, reason: 'Service Unavailable' },
  CONNECT_TIMEOUT: { status: 504, reason: 'Gateway Timeout' },
  FIRST_BYTE_TIMEOUT: { status: 504, reason: 'Gateway Timeout' },
  TOTAL_TIMEOUT: { status: 504, reason: 'Gateway Timeout' },
} as const

/** One of the codes of {@link HTTP_FAILURES}. */
export type HttpFailure = keyof typeof HTTP_FAILURES

/** Failures by the status of a refused request. */
export const FAILURE_OF_STATUS = {
  400: 'BAD_REQUEST',
  414: 'TARGET_TOO_LONG',
  417: 'EXPECTATION',
  431: 'HEAD_TOO_LARGE',
  501: 'NOT_IMPLEMENTED',
  505: 'VERSION',
} as const satisfies Record<number, HttpFailure>

/** The whole response: plain text for people. */
export function failureResponse(
  failure: HttpFailure,
  text: string,
  { close, head }: { readonly close: boolean; readonly head: boolean },
): string {
  const { status, reason } = HTTP_FAILURES[failure]
  const body = failureText(failure, text)
  return [
    `HTTP/1.1 ${status} ${reason}`,
    'Content-Type: text/plain; charset=utf-8',
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    `Content-Length: ${body.length}`,
    ...(close ? ['Connection: close'] : []),
    '',
    head ? '' : body,
  ].join('\r\n')
}

/** What is in the body, in ASCII: one line. */
export function failureText(failure: HttpFailure, text: string): string {
  const { status, reason } = HTTP_FAILURES[failure]
  return `${status} ${reason}: ${text.replace(/[^\x20-\x7e]/g, '?')}\n`
}
