import { type FSWatcher, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import { GossipError, systemCode } from './errors.ts'
import type { JoinResult } from './join.ts'
import type { LimitedLog } from './limited-log.ts'
import {
  RESOLVE_TIMEOUT_MS,
  SEED_CHANGE_DELAY_MS,
  SEED_REFRESH_MS_MIN,
  SEEDS_MAX,
} from './limits.ts'
import { pause } from './pause.ts'
import { seedFilePath } from './seed-file.ts'

/** Seeds that may be others tomorrow. */
export interface DiscoveredSeeds {
  /** The seeds as they are now. */
  seeds(): readonly string[] | Promise<readonly string[]>
  /** Calls when they have changed; the function that it returns ends that. */
  onChange?(listener: () => void): () => void
}

/** A list, a function that finds seeds, or a source that also says when they change. */
export type SeedSource = readonly string[] | DiscoveredSeeds['seeds'] | DiscoveredSeeds

export interface SeedFollowerOptions {
  readonly source: SeedSource
  readonly refreshMs: number
  readonly log: LimitedLog
  /** Joins through those that are not living members already. */
  readonly ask: (seeds: readonly string[]) => Promise<JoinResult>
  readonly onRound: (result: JoinResult) => void
  /** Ends it. */
  readonly signal: AbortSignal
}

/** Looks seeds up again and again, at an interval and when a source or a watched file says that they changed. */
export class SeedFollower {
  readonly #options: SeedFollowerOptions
  readonly #source: DiscoveredSeeds
  /** Watched folders, by the path of the file of seeds. */
  readonly #watched = new Map<string, FSWatcher>()
  #wake = new AbortController()

  /** @throws GossipError GOSSIP_OPTION_INVALID for an interval below 100 ms */
  constructor(options: SeedFollowerOptions) {
    const { refreshMs, source } = options
    if (!(refreshMs >= SEED_REFRESH_MS_MIN)) {
      throw new GossipError('GOSSIP_OPTION_INVALID', { refreshMs, allowed: SEED_REFRESH_MS_MIN })
    }
    this.#options = options
    this.#source = sourceOf(source)
  }

  /** Until the signal says stop. Never rejects. */
  async run(): Promise<void> {
    const { refreshMs, signal } = this.#options
    const release = this.#source.onChange?.(() => this.#wake.abort())
    while (!signal.aborted) {
      await this.#round()
      if (signal.aborted) break
      const isOver = await pause(refreshMs, [signal, this.#wake.signal])
      // Editors and orchestrators change a file in several steps.
      if (!isOver) await pause(SEED_CHANGE_DELAY_MS, [signal])
      this.#wake = new AbortController()
    }
    release?.()
    for (const watcher of this.#watched.values()) watcher.close()
    this.#watched.clear()
  }

  async #round(): Promise<void> {
    const { ask, log, onRound } = this.#options
    try {
      const seeds = await this.#seeds()
      this.#watch(seeds.flatMap((seed) => seedFilePath(seed) ?? []))
      onRound(await ask(seeds))
    } catch (error) {
      log.write('warn', 'seeds cannot be found; trying again later', { why: String(error) })
    }
  }

  async #seeds(): Promise<readonly string[]> {
    const late = AbortSignal.timeout(RESOLVE_TIMEOUT_MS)
    const { promise, reject } = deferred()
    const stop = () => reject(new GossipError('GOSSIP_TIMEOUT', { what: 'discovery of seeds' }))
    const signals = AbortSignal.any([late, this.#options.signal])
    signals.addEventListener('abort', stop, { once: true })
    try {
      const seeds = await Promise.race([this.#source.seeds(), promise])
      return seeds.slice(0, SEEDS_MAX)
    } finally {
      signals.removeEventListener('abort', stop)
    }
  }

  /** Folders are watched, not files: a file that is replaced is another one. */
  #watch(paths: readonly string[]): void {
    for (const [path, watcher] of this.#watched) {
      if (paths.includes(path)) continue
      watcher.close()
      this.#watched.delete(path)
    }
    for (const path of paths) if (!this.#watched.has(path)) this.#watchOne(path)
  }

  #watchOne(path: string): void {
    const { log } = this.#options
    const unwatched = (error: unknown) => {
      this.#watched.delete(path)
      log.write('debug', 'a file of seeds is only looked at from time to time', {
        path,
        system: systemCode(error),
      })
    }
    try {
      const watcher = watch(dirname(path), { persistent: false }, (_kind, name) => {
        if (name === null || name === basename(path)) this.#wake.abort()
      })
      watcher.on('error', unwatched)
      this.#watched.set(path, watcher)
    } catch (error) {
      unwatched(error)
    }
  }
}

function sourceOf(source: SeedSource): DiscoveredSeeds {
  if (typeof source === 'function') return { seeds: source }
  return 'seeds' in source ? source : { seeds: () => source }
}

function deferred() {
  let reject: (error: Error) => void = () => undefined
  const promise = new Promise<never>((_resolve, fail) => {
    reject = fail
  })
  return { promise, reject }
}
