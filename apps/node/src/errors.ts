/** Why a node did not start, or stopped: closed list, each with a sentence for the person who reads it. */
export const NODE_ERRORS = {
  CONFIG_INVALID:
    'the configuration is wrong; the message names the file, the key, what was found and what is allowed',
  CONFIG_UNREADABLE: 'the configuration file cannot be read or is not YAML',
  PORT_IN_USE: 'another process listens on an address of this node',
  BIND_FAILED: 'an address of this node cannot be bound',
  INSECURE: 'the node would talk beyond this machine without a cluster key',
  JOIN_FAILED: 'the cluster refused this node, or it was stopped before a seed answered',
  IMPORT_INVALID: 'a file of another program cannot be read, or is none that it would take',
  IMPORT_UNSUPPORTED: 'a file of another program asks for something that has no equivalent here',
  ADMIN_UNAVAILABLE: 'the admin API of a node cannot be reached, or refuses',
  NO_SUCH_POOL: 'there is no pool of this name, or it has no backends of its own',
  NO_SUCH_BACKEND: 'there is no backend of this id in the pool',
  NO_SUCH_MEMBER: 'there is no live member of this name, or it is not linked',
  CHANGE_REFUSED: 'a change at run time would not work; the message says why',
  CLOSED: 'the node is closed',
} as const

export type NodeErrorCode = keyof typeof NODE_ERRORS

/** Every error that `createNode` and the command line raise on purpose. `code` is one of {@link NODE_ERRORS}. */
export class NodeError extends Error {
  readonly code: NodeErrorCode
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: NodeErrorCode,
    message: string,
    details: Readonly<Record<string, unknown>> = {},
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.name = 'NodeError'
    this.code = code
    this.details = details
  }
}
