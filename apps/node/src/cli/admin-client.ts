import { NodeError } from '../errors.ts'

const REQUEST_TIMEOUT_MS = 5_000

export interface AdminClientOptions {
  readonly admin: string
  readonly token?: string
}

/** A request that changes something. */
export interface AdminRequest {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly body?: unknown
}

const GET: AdminRequest = { method: 'GET' }

/** Asks a node's admin API. @throws NodeError CONFIG_INVALID for a wrong URL, ADMIN_UNAVAILABLE when it cannot be reached or refuses, with what to do. */
export async function askAdmin<T>(
  path: string,
  options: AdminClientOptions,
  request: AdminRequest = GET,
): Promise<T> {
  const response = await openAdmin(path, options, request, AbortSignal.timeout(REQUEST_TIMEOUT_MS))
  return (await response.json().catch(() => ({}))) as T
}

/** As {@link askAdmin}, for answers that are read while they come. */
export async function openAdmin(
  path: string,
  { admin, token }: AdminClientOptions,
  { method, body }: AdminRequest,
  signal: AbortSignal,
): Promise<Response> {
  const base = admin.includes('://') ? admin : `http://${admin}`
  if (!URL.canParse(path, base) || !/^https?:/.test(base))
    throw new NodeError(
      'CONFIG_INVALID',
      `--admin: found ${JSON.stringify(admin)}; allowed: http://HOST:PORT`,
    )
  const url = new URL(path, base)
  const response = await fetch(url, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal,
  }).catch((cause: Error) => {
    throw new NodeError(
      'ADMIN_UNAVAILABLE',
      `no node answers at ${url.origin} (${reason(cause)}); --admin URL names another`,
      {},
      { cause },
    )
  })
  if (response.ok) return response
  const { message } = (await response.json().catch(() => ({}))) as { message?: string }
  throw new NodeError('ADMIN_UNAVAILABLE', `${url.origin}: ${message ?? `HTTP ${response.status}`}`)
}

function reason(error: Error): string {
  const cause = error.cause as { code?: string; message?: string } | undefined
  return cause?.code ?? cause?.message ?? error.message
}
