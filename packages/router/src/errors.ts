/** What went wrong, for programs; the message of the error is for people. */
export const ROUTER_ERROR_CODES = {
  PORT_IN_USE: 'The address of a listener is taken by another process.',
  LISTEN_FAILED: 'A listener could not be opened for another reason than a taken port.',
  LIMIT_INVALID: 'A limit is not a positive whole number.',
  TOPOLOGY_INVALID: 'A topology message contradicts itself.',
  POOL_NOT_STORE: 'A driver was attached to a pool of another protocol than `store`.',
  ROUTE_INVALID: 'A route of an HTTP listener cannot be read.',
  NETWORK_INVALID: 'A trusted proxy is neither an address nor a network.',
  TLS_INVALID: 'A certificate or key of a listener cannot be used.',
  PROTOCOL_FIXED: 'An open listener was told to speak another protocol.',
  CLOSED: 'The router is closed.',
} as const

/** One of the codes of {@link RouterError}. */
export type RouterErrorCode = keyof typeof ROUTER_ERROR_CODES

/**
 * An error of the router towards the program that embeds it. Clients never see it: they get replies of their protocol.
 */
export class RouterError extends Error {
  readonly code: RouterErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: RouterErrorCode,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
  ) {
    super(message)
    this.name = 'RouterError'
    this.code = code
    this.details = details
  }
}
