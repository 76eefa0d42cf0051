import type { Cluster } from '../cluster/cluster.ts'
import type { NodeOptions } from '../config/options.ts'
import { resolveConfig } from '../config/resolve.ts'
import { NodeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { describeChanges } from './describe-changes.ts'
import { type Configuration, keepDeadlines, keepFixed } from './fixed-options.ts'

/** What came of a reload. */
export interface ReloadReport {
  /** One sentence per pool, listener or setting that is different now. */
  readonly changed: readonly string[]
  /** Keys that are different in the configuration, and stay as they are until the node is started anew. */
  readonly needsRestart: readonly string[]
  /** What could not be done all the same, such as a new listener whose port was taken meanwhile. */
  readonly problems: readonly string[]
}

export interface ReloaderOptions {
  readonly running: Configuration
  /** Reads file, environment and flags again. Absent: whoever reloads brings the options. */
  readonly read: (() => NodeOptions) | undefined
  /** Named in errors. */
  readonly source: string
  readonly cluster: Cluster
  readonly log: Logger
}

/**
 * Takes a new configuration while the node runs, whole or not at all:
 *
 *   read ─► check ─► put back what is fixed, check again ─► build (rings, certificates, first answers of sources) ─► take, in one turn
 *
 * Whatever is wrong before the last step leaves everything as it was.
 */
export class Reloader {
  readonly #options: ReloaderOptions
  #running: Configuration
  #current: Promise<unknown> = Promise.resolve()
  #waiting: Promise<ReloadReport> | undefined

  constructor(options: ReloaderOptions) {
    this.#options = options
    this.#running = options.running
  }

  /**
   * Reloads after those before it. Who asks while one waits gets the answer of that: it will read what is there then.
   * @throws NodeError CONFIG_INVALID, CONFIG_UNREADABLE, INSECURE, PORT_IN_USE or CHANGE_REFUSED; then nothing is different
   */
  reload(options?: NodeOptions): Promise<ReloadReport> {
    if (options !== undefined) return this.#next(() => this.#reload(options))
    this.#waiting ??= this.#next(() => {
      this.#waiting = undefined
      return this.#reload(this.#read())
    })
    return this.#waiting
  }

  #next(reload: () => Promise<ReloadReport>): Promise<ReloadReport> {
    const report = this.#current.then(() => this.#logged(reload))
    // The next one waits for this one, whatever comes of it.
    this.#current = report.catch(() => {})
    return report
  }

  async #logged(reload: () => Promise<ReloadReport>): Promise<ReloadReport> {
    const { log, cluster } = this.#options
    try {
      const report = await reload()
      log.info(report, 'reloaded')
      for (const problem of report.problems) log.error(problem)
      cluster.events.add('config-reloaded', { ...report })
      return report
    } catch (error) {
      const { message, code } = error as Error & { code?: string }
      log.error({ code }, `not reloaded, the configuration stays as it is: ${message}`)
      cluster.events.add('reload-refused', { message })
      throw error
    }
  }

  #read(): NodeOptions {
    const { read } = this.#options
    if (read) return read()
    throw new NodeError(
      'CHANGE_REFUSED',
      'this node was started by a program that did not say where its options come from',
    )
  }

  async #reload(options: NodeOptions): Promise<ReloadReport> {
    const { cluster, log } = this.#options
    const { next, needsRestart } = this.#check(options)
    const changed = describeChanges(this.#running.config, next.config)
    const takeListeners = await cluster.clients.prepare(next.config.listeners)
    const takePools = await cluster.prepare(next.config)
    if (!cluster.serving) throw new NodeError('CLOSED', 'the node is leaving')
    takePools()
    const opened = takeListeners(next.config.drainTimeoutMs)
    log.level = next.config.logLevel
    this.#running = next
    return { changed, needsRestart, problems: await opened }
  }

  /** What was asked for has to be right as a whole, and so has what can be taken of it. */
  #check(options: NodeOptions) {
    const { source } = this.#options
    const running = this.#running
    const wanted = { options, config: resolveConfig(options, source) }
    const taken = keepFixed(running, wanted)
    const config = keepDeadlines(running.config, resolveConfig(taken.options, source))
    return { next: { options: taken.options, config }, needsRestart: taken.needsRestart }
  }
}
