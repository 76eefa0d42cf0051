/** Why a backend did not answer. */
export interface LostCause {
  readonly code: LostCode
  /** Continues `backend 10.0.0.1:6379 …`. */
  readonly text: string
}

export type LostCode =
  | 'REFUSED'
  | 'UNREACHABLE'
  | 'CONNECT_TIMEOUT'
  | 'CLOSED'
  | 'RESET'
  | 'REPLY_TIMEOUT'
  | 'BAD_REPLY'
  | 'NO_RESP3'
  | 'AUTH_FAILED'
  | 'REMOVED'
  | 'DRAINED'
  | 'MOVED'

/** The cause behind an error of a socket. */
export function causeOfError(error: Error, connected: boolean): LostCause {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.message
  if (code === 'ECONNREFUSED') return { code: 'REFUSED', text: 'refused the connection' }
  if (!connected) return { code: 'UNREACHABLE', text: `cannot be reached (${code})` }
  return { code: 'RESET', text: `broke the connection before answering (${code})` }
}

export const CLOSED_CAUSE: LostCause = {
  code: 'CLOSED',
  text: 'closed the connection before answering',
}

export const REMOVED_CAUSE: LostCause = {
  code: 'REMOVED',
  text: 'was disconnected by this router',
}

/** For a connection that one client had for the state of a transaction or a wait. */
export const MOVED_CAUSE: LostCause = {
  code: 'MOVED',
  text: 'no longer owns the keys of this connection',
}

export const NO_RESP3_CAUSE: LostCause = {
  code: 'NO_RESP3',
  text: 'does not speak RESP3; use HELLO 2',
}
