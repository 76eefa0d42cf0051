import { randomBytes } from 'node:crypto'
import { createMemberlist, type Memberlist } from '@ringway/gossip'
import { createPeerHub, type PeerHub } from '@ringway/peer'
import type { FastifyInstance } from 'fastify'
import { createAdminServer } from './admin/server.ts'
import { clusterAdmission } from './cluster/admission.ts'
import { Cluster, type TopologyEvent } from './cluster/cluster.ts'
import { clusterIdentity } from './cluster/definitions.ts'
import type { ClusterMember } from './cluster/member-tags.ts'
import { SwarmSeeds } from './cluster/swarm-seeds.ts'
import { formatHostPort, type HostPort, isWildcard, parseHostPort } from './config/address.ts'
import type { GossipConfig, NodeConfig } from './config/config.ts'
import type { NodeOptions } from './config/options.ts'
import { resolveConfig } from './config/resolve.ts'
import { NodeError } from './errors.ts'
import type { OpenAddress } from './listeners/client-listeners.ts'
import { createLogger, type Logger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { canBind } from './net/free-ports.ts'
import { localAddressTowards } from './net/route.ts'
import { createNodeView } from './node-view.ts'
import type { Configuration } from './reload/fixed-options.ts'
import { Reloader, type ReloadReport } from './reload/reloader.ts'
import { createNodeStore, type NodeStore } from './store/node-store.ts'

/** What a caller of {@link createNode} may pass besides the options. */
export interface CreateNodeTools {
  /** Aborting gives up a start that is still waiting for a seed. */
  readonly signal?: AbortSignal
  /** Default: JSON lines on stderr at `logLevel`. */
  readonly log?: Logger
  /** Named in configuration errors. @defaultValue 'options' */
  readonly source?: string
  /** Reads the options again, for {@link RingwayNode.reload} without options and `POST /v1/reload`. */
  readonly readOptions?: () => NodeOptions
  /** An operator asked this member to leave (`ringway leave NAME`). Default: the node closes itself. */
  readonly onLeave?: () => void
}

/** A running member. */
export interface RingwayNode {
  readonly name: string
  /** 16 hex digits, drawn at this start. */
  readonly instance: string
  readonly addresses: NodeAddresses
  /** Live members in order of name, this one included. */
  readonly members: readonly ClusterMember[]
  /**
   * The first owner of a key on the ring of the store pool (else of the first pool); undefined while the ring is empty.
   * O(1).
   */
  owner(key: string | Uint8Array): string | undefined
  /** Up to `count` distinct owners, the primary first. */
  owners(key: string | Uint8Array, count: number): readonly string[]
  /** True if this member is the first owner. */
  isMine(key: string | Uint8Array): boolean
  /** @throws NodeError CONFIG_INVALID when read on a node without a store pool. */
  readonly store: NodeStore
  on(event: 'topology', listener: (event: TopologyEvent) => void): void
  off(event: 'topology', listener: (event: TopologyEvent) => void): void
  /**
   * Takes other options while it runs, whole or not at all, and closes no connection: pools of servers, listeners with routes,
   * certificates and passwords, cookie secrets, log level. What cannot change before the next start stays and is named.
   *
   * @param options - Default: what `readOptions` reads.
   * @throws NodeError about what is wrong; then nothing is different
   */
  reload(options?: NodeOptions): Promise<ReloadReport>
  /** Finishes requests in flight, hands over, tells the others, and closes every socket. Idempotent; takes seconds at most. */
  close(): Promise<void>
}

export interface NodeAddresses {
  readonly gossip: HostPort
  readonly peer: HostPort
  readonly admin?: HostPort
  readonly listeners: readonly OpenAddress[]
}

/**
 * Starts a member: joins or founds the cluster, and resolves when it serves its keys.
 *
 * @throws NodeError with a message for the person who starts it; nothing is left running.
 */
export async function createNode(
  options: NodeOptions = {},
  tools: CreateNodeTools = {},
): Promise<RingwayNode> {
  const config = resolveConfig(options, tools.source)
  const log = tools.log ?? createLogger(config.logLevel, config.name)
  const starting = new StartingNode({ options, config }, log, tools)
  try {
    return await starting.start()
  } catch (error) {
    await starting.abandon()
    throw error
  }
}

/** The steps of a start, and what has to be undone when one of them fails. */
class StartingNode {
  readonly #configuration: Configuration
  readonly #config: NodeConfig
  readonly #log: Logger
  readonly #signal: AbortSignal
  readonly #tools: CreateNodeTools
  readonly #instance = randomBytes(8).toString('hex')
  #memberlist: Memberlist | undefined
  #hub: PeerHub | undefined
  #swarm: SwarmSeeds | undefined
  #cluster: Cluster | undefined
  #admin: FastifyInstance | undefined
  #running: RingwayNode | undefined

  constructor(configuration: Configuration, log: Logger, tools: CreateNodeTools) {
    this.#configuration = configuration
    this.#config = configuration.config
    this.#log = log
    this.#signal = tools.signal ?? new AbortController().signal
    this.#tools = tools
  }

  async start(): Promise<RingwayNode> {
    const config = this.#config
    await checkPorts(config)
    const memberlist = await this.#startGossip()
    const hub = await this.#startPeerLinks(memberlist)
    const swarm = await SwarmSeeds.open(config.gossip.join, memberlist)
    this.#swarm = swarm
    const cluster = new Cluster({
      config,
      swarm,
      instance: this.#instance,
      memberlist,
      hub,
      log: this.#log,
      onLeave: () => this.#left(),
    })
    this.#cluster = cluster
    const admin = await this.#startAdmin(cluster)
    await cluster.join(this.#signal)
    await cluster.clients.open(config.listeners)
    this.#log.info({ members: cluster.members.map(({ name }) => name) }, 'ready')
    this.#running = this.#node(cluster, {
      gossip: memberlist.address,
      peer: hub.address,
      ...(admin ? { admin } : {}),
      get listeners() {
        return cluster.clients.addresses
      },
    })
    return this.#running
  }

  /** Undoes what was started. What goes wrong on the way is logged: the reason for giving up is the one to tell. */
  async abandon(): Promise<void> {
    await this.#finish([() => this.#cluster?.abandon(), ...this.#closing()])
  }

  /** The sockets, from the outside in. */
  #closing(): readonly (() => Promise<unknown> | undefined)[] {
    return [
      () => this.#admin?.close(),
      () => this.#swarm?.close(),
      () => this.#hub?.close(),
      () => this.#memberlist?.close(),
    ]
  }

  /** Runs every step, whatever becomes of the one before. */
  async #finish(steps: readonly (() => Promise<unknown> | undefined)[]): Promise<void> {
    for (const step of steps)
      try {
        await step()
      } catch (error) {
        this.#log.error({ err: error }, 'a step of closing failed')
      }
  }

  async #startGossip(): Promise<Memberlist> {
    const { name, profile, gossip } = this.#config
    const advertise = gossip.advertise ?? (await routeToSeed(gossip))
    this.#memberlist = await createMemberlist({
      name,
      profile,
      bind: gossip.bind,
      ...(advertise ? { advertise } : {}),
      delegate: gossip.delegate,
      ...(gossip.label === '' ? {} : { label: gossip.label }),
      ...(gossip.keys.length === 0 ? {} : { keys: [...gossip.keys] }),
      admit: clusterAdmission(gossip.label),
      ...(gossip.snapshot === undefined ? {} : { snapshot: { path: gossip.snapshot } }),
      log: (level, message, details) => this.#log[level](details ?? {}, message),
    }).catch((cause) => {
      throw bindError('gossip', gossip.bind, cause)
    })
    return this.#memberlist
  }

  async #startPeerLinks(memberlist: Memberlist): Promise<PeerHub> {
    const { name, gossip, peer, insecure } = this.#config
    this.#hub = await createPeerHub({
      self: { name, instance: this.#instance },
      cluster: clusterIdentity(gossip.label),
      bind: peer.bind,
      ...(gossip.keys.length === 0 ? {} : { keys: gossip.keys }),
      insecure,
      fields: { gossip: formatHostPort(memberlist.address) },
      log: this.#log,
    }).catch((cause) => {
      throw bindError('peer', peer.bind, cause)
    })
    return this.#hub
  }

  async #startAdmin(cluster: Cluster): Promise<HostPort | undefined> {
    const { admin, name } = this.#config
    if (!admin) return undefined
    const metrics = createMetrics(cluster)
    this.#admin = createAdminServer({
      view: createNodeView(
        name,
        cluster,
        () => metrics.metrics(),
        () => this.#reload(),
      ),
      log: this.#log,
      token: () => cluster.config.admin?.token,
    })
    await this.#admin.listen(admin.bind).catch((cause: Error) => {
      throw bindError('admin', admin.bind, cause)
    })
    const address = this.#admin.server.address()
    return typeof address === 'object' && address
      ? { host: admin.bind.host, port: address.port }
      : admin.bind
  }

  /** Without a program that decides what leaving means, it means close. */
  #left(): void {
    const { onLeave } = this.#tools
    if (onLeave) onLeave()
    else void this.#running?.close()
  }

  #reload(): Promise<ReloadReport> {
    if (this.#running) return this.#running.reload()
    throw new NodeError('CHANGE_REFUSED', `${this.#config.name} is starting`)
  }

  #node(cluster: Cluster, addresses: NodeAddresses): RingwayNode {
    const { name } = this.#config
    const reloader = new Reloader({
      running: this.#configuration,
      read: this.#tools.readOptions,
      source: this.#tools.source ?? 'options',
      cluster,
      log: this.#log,
    })
    let closing: Promise<void> | undefined
    const store = cluster.store
      ? createNodeStore(cluster.store, () => closing !== undefined)
      : undefined
    return {
      name,
      instance: this.#instance,
      addresses,
      get members() {
        return cluster.members
      },
      owner: (key) => cluster.ring.owner(key),
      owners: (key, count) => cluster.ring.owners(key, count),
      isMine: (key) => cluster.ring.owner(key) === name,
      get store() {
        if (store) return store
        throw new NodeError('CONFIG_INVALID', 'this node has no pool with protocol store')
      },
      on: (_event, listener) => cluster.listeners.add(listener),
      off: (_event, listener) => cluster.listeners.delete(listener),
      reload: (options) => reloader.reload(options),
      close: () => {
        closing ??= this.#close(cluster)
        return closing
      },
    }
  }

  async #close(cluster: Cluster): Promise<void> {
    await this.#finish([() => cluster.leave(), ...this.#closing()])
  }
}

/** Bound to every interface, we are told to others by the address that faces the first seed with a route. */
async function routeToSeed({ bind, join }: GossipConfig): Promise<{ host: string } | undefined> {
  if (!isWildcard(bind.host)) return undefined
  for (const seed of join) {
    if (/^(file|swarm|srv):/.test(seed)) continue
    const address = parseHostPort(seed.replace(/^[^/]+\//, ''), bind.port)
    const host = address && (await localAddressTowards(address.host, address.port))
    if (host !== undefined) return { host }
  }
  return undefined
}

/** Listeners open last, when the node serves; a port that is taken should not be found out that late. */
async function checkPorts({ listeners, admin, peer, gossip }: NodeConfig): Promise<void> {
  const wanted = [
    { what: 'gossip', bind: gossip.bind },
    ...listeners.map(({ protocol, bind }) => ({ what: protocol, bind })),
    ...(admin ? [{ what: 'admin', bind: admin.bind }] : []),
    { what: 'peer', bind: peer.bind },
  ]
  for (const { what, bind } of wanted)
    if (bind.port !== 0 && !(await canBind(bind.host, bind.port)))
      throw new NodeError(
        'PORT_IN_USE',
        `cannot listen on ${formatHostPort(bind)} for ${what}: the port is in use, or the address is not of this machine. --${what} HOST:PORT sets another.`,
        { what, ...bind },
      )
}

function bindError(
  what: string,
  bind: HostPort,
  cause: Error & { readonly code?: string; readonly details?: unknown },
): Error {
  const inUse = /EADDRINUSE|PORT_IN_USE/.test(`${cause.code} ${cause.message}`)
  if (inUse)
    return new NodeError(
      'PORT_IN_USE',
      `cannot listen on ${formatHostPort(bind)} for ${what}: the port is in use. --${what} HOST:PORT sets another.`,
      { what, ...bind },
      { cause },
    )
  return new NodeError(
    'BIND_FAILED',
    `cannot listen on ${formatHostPort(bind)} for ${what}: ${cause.message}`,
    { what, ...bind },
    { cause },
  )
}
