import type { Listener, ListenerOptions, Router } from '@ringway/router'
import { formatHostPort, type HostPort } from '../config/address.ts'
import type { ListenerConfig } from '../config/config.ts'
import { NodeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { canBind } from '../net/free-ports.ts'
import { listenerKeys } from './listener-keys.ts'

/** Where a listener is open. */
export interface OpenAddress {
  readonly protocol: ListenerConfig['protocol']
  readonly pool: string
  readonly address: HostPort
}

interface OpenListener {
  readonly config: ListenerConfig
  readonly listener: Listener
}

/** Takes the listeners of a configuration; the answer resolves with what went wrong all the same. */
export type TakeListeners = (drainTimeoutMs: number) => Promise<readonly string[]>

/** The client listeners of a node, as its configuration names them. */
export class ClientListeners {
  readonly #router: Pick<Router, 'listen'>
  readonly #log: Logger
  #open: ReadonlyMap<string, OpenListener> = new Map()

  constructor(router: Pick<Router, 'listen'>, log: Logger) {
    this.#router = router
    this.#log = log
  }

  /** In the order of the configuration. */
  get addresses(): readonly OpenAddress[] {
    return Array.from(this.#open.values(), ({ config, listener }) => ({
      protocol: config.protocol,
      pool: config.pool,
      address: { host: listener.host, port: listener.port },
    }))
  }

  /**
   * Opens all.
   * @throws NodeError PORT_IN_USE or BIND_FAILED
   */
  async open(configs: readonly ListenerConfig[]): Promise<void> {
    const opened = Array.from(listenerKeys(configs), async ([key, config]) => {
      const open: OpenListener = { config, listener: await this.#listen(config) }
      return [key, open] as const
    })
    this.#open = new Map(await Promise.all(opened))
  }

  /**
   * Checks and builds what a reload asks for; nothing is different before the answer is called. Listeners that stay take their
   * settings in that turn, those that are gone accept no more and finish, and new ones open.
   * @throws NodeError PORT_IN_USE, or RouterError about a listener that is open
   */
  async prepare(configs: readonly ListenerConfig[]): Promise<TakeListeners> {
    const before = this.#open
    const wanted = listenerKeys(configs)
    const gone = [...before].filter(([key]) => !wanted.has(key)).map(([, open]) => open)
    const freed = new Set(gone.map(({ listener }) => listener.port))
    for (const [key, { bind, protocol }] of wanted) {
      if (before.has(key) || bind.port === 0 || freed.has(bind.port)) continue
      if (!(await canBind(bind.host, bind.port))) throw inUse(protocol, bind)
    }
    const taking: (() => void)[] = []
    for (const [key, config] of wanted) {
      const open = before.get(key)
      if (open !== undefined && JSON.stringify(open.config) !== JSON.stringify(config))
        taking.push(open.listener.prepare(optionsOf(config)))
    }
    return (drainTimeoutMs) => {
      for (const take of taking) take()
      for (const { config, listener } of gone) void this.#end(config, listener, drainTimeoutMs)
      return this.#follow(before, wanted)
    }
  }

  /** Opens what is new. A listener that cannot be opened now is a problem, and no reason to close the others. */
  async #follow(
    before: ReadonlyMap<string, OpenListener>,
    wanted: ReadonlyMap<string, ListenerConfig>,
  ): Promise<readonly string[]> {
    const problems: string[] = []
    const after = new Map<string, OpenListener>()
    for (const [key, config] of wanted) {
      try {
        const listener = before.get(key)?.listener ?? (await this.#listen(config))
        after.set(key, { config, listener })
      } catch (error) {
        problems.push((error as Error).message)
      }
    }
    this.#open = after
    return problems
  }

  async #end(config: ListenerConfig, listener: Listener, drainTimeoutMs: number): Promise<void> {
    const facts = { protocol: config.protocol, bind: formatHostPort(listener) }
    this.#log.info(facts, 'a listener accepts no more')
    await listener.close({ drainTimeoutMs })
    this.#log.info(facts, 'its last connection is closed')
  }

  async #listen(config: ListenerConfig): Promise<Listener> {
    const { protocol, bind } = config
    return await this.#router
      .listen(optionsOf(config))
      .catch((cause: Error & { code?: string }) => {
        throw new NodeError(
          cause.code === 'PORT_IN_USE' ? 'PORT_IN_USE' : 'BIND_FAILED',
          `cannot listen on ${formatHostPort(bind)} for ${protocol}: ${cause.message}`,
          {},
          { cause },
        )
      })
  }
}

function optionsOf({
  protocol,
  bind,
  pool,
  routes,
  auth,
  tls,
  http,
}: ListenerConfig): ListenerOptions {
  return protocol === 'http'
    ? { protocol, ...bind, routes: [{ pool }], ...http }
    : {
        protocol,
        ...bind,
        pool,
        ...(routes && { routes }),
        ...(auth && { auth }),
        ...(tls && { tls }),
      }
}

function inUse(protocol: string, bind: HostPort): NodeError {
  return new NodeError(
    'PORT_IN_USE',
    `cannot listen on ${formatHostPort(bind)} for ${protocol}: the port is in use, or the address is not of this machine`,
    { protocol, ...bind },
  )
}
