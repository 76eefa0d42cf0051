/** What can go wrong outside the machine and the bytes: options, sockets, peers, time. */
export const GOSSIP_ERROR_CODES = {
  GOSSIP_OPTION_INVALID: 'an option is out of its range',
  GOSSIP_PORT_IN_USE: 'the port is taken',
  GOSSIP_BIND_FAILED: 'the address cannot be bound',
  GOSSIP_SEED_INVALID: 'a seed that is not understood',
  GOSSIP_SEED_UNRESOLVED: 'a seed whose name does not resolve',
  GOSSIP_DELEGATE_MISMATCH: 'the cluster speaks other delegate versions',
  GOSSIP_NAME_TAKEN: 'another living member has our name',
  GOSSIP_CLUSTER_MISMATCH: 'the members there do not belong to our cluster',
  GOSSIP_STRANGER: 'a remembered address belongs to another cluster now',
  GOSSIP_STATE_REFUSED: 'nothing of the seed’s state could be used',
  GOSSIP_UNREACHABLE: 'the peer could not be reached',
  GOSSIP_STREAM_CLOSED: 'the peer closed without an answer (another label, or not memberlist)',
  GOSSIP_REMOTE_ERROR: 'the peer answered with an error',
  GOSSIP_TIMEOUT: 'the peer did not answer in time',
  GOSSIP_LIMIT: 'a limit of this process is reached',
  GOSSIP_ABORTED: 'the caller gave up',
  GOSSIP_CLOSED: 'the memberlist is closed',
} as const

export type GossipErrorCode = keyof typeof GOSSIP_ERROR_CODES

/** A failure of the network side of gossip; `details` names addresses, limits and the system's own code. */
export class GossipError extends Error {
  readonly code: GossipErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: GossipErrorCode, details: Readonly<Record<string, unknown>> = {}) {
    super(`${GOSSIP_ERROR_CODES[code]}${describe(details)}`)
    this.name = 'GossipError'
    this.code = code
    this.details = details
  }
}

function describe(details: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(details).map(([key, value]) => `${key}: ${String(value)}`)
  return pairs.length === 0 ? '' : ` (${pairs.join(', ')})`
}

/** The system's code of an error (`ECONNREFUSED`), or its message. */
export function systemCode(error: unknown): string {
  if (error instanceof Error) {
    return 'code' in error && typeof error.code === 'string' ? error.code : error.message
  }
  return String(error)
}
