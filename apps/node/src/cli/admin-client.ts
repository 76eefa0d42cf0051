import { NodeError } from '../errors.ts'

const REQUEST_TIMEOUT_MS = 5_000

export interface AdminClientOptions {
  readonly admin: string
  readonly token?: string
}

/** Asks a node's admin API. @throws NodeError CONFIG_INVALID for a wrong URL, ADMIN_UNAVAILABLE when it cannot be reached or refuses, with what to do. */
export async function askAdmin<T>(
  path: string,
  { admin, token }: AdminClientOptions,
  body?: unknown,
): Promise<T> {
  const base = admin.includes('://') ? admin : `http://${admin}`
  if (!URL.canParse(path, base) || !/^https?:/.test(base))
    throw new NodeError(
      'CONFIG_INVALID',
      `--admin: found ${JSON.stringify(admin)}; allowed: http://HOST:PORT`,
    )
  const url = new URL(path, base)
  const response = await fetch(url, {
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  }).catch((cause: Error) => {
    throw new NodeError(
      'ADMIN_UNAVAILABLE',
      `no node answers at ${url.origin} (${reason(cause)}); --admin URL names another`,
      {},
      { cause },
    )
  })
  const answer = (await response.json().catch(() => ({}))) as { message?: string }
  if (!response.ok)
    throw new NodeError(
      'ADMIN_UNAVAILABLE',
      `${url.origin}: ${answer.message ?? `HTTP ${response.status}`}`,
    )
  return answer as T
}

function reason(error: Error): string {
  const cause = error.cause as { code?: string; message?: string } | undefined
  return cause?.code ?? cause?.message ?? error.message
}
