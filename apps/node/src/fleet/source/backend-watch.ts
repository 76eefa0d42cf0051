import { type FSWatcher, watch } from 'node:fs'
import { basename, dirname } from 'node:path'
import type { BackendConfig, BackendSource, StaticPoolConfig } from '../../config/config.ts'
import { expandBackendUrl } from '../../config/formats.ts'
import { POOL_BACKENDS_MAX, resolveBackend } from '../../config/resolve-backends.ts'
import { askDns, askSrv } from './ask-dns.ts'
import type { FoundServer } from './found-server.ts'
import { readBackendsFile } from './read-backends-file.ts'

export interface BackendWatchOptions {
  readonly pool: Pick<StaticPoolConfig, 'name' | 'protocol' | 'tls'>
  readonly source: BackendSource
  /** The source names other backends than before. */
  readonly changed: () => void
  /** The source does not answer (once, until it does again), or answers again. */
  readonly said: (event: SourceEvent) => void
}

export interface SourceEvent {
  readonly type: 'source-failed' | 'source-answered' | 'source-truncated'
  readonly pool: string
  /** Such as `dns:redis.internal:6379`. */
  readonly source: string
  readonly text: string
}

/** Share of the interval by which refreshes are early or late. */
const REFRESH_JITTER = 0.1
/** A file is often written in several steps; it is read when it has been quiet for so long. */
const FILE_QUIET_MS = 50

/**
 * One source, asked at intervals: the last good answer stands while it fails, however long that takes. An answer without
 * any server is a failure too: a pool is not emptied by a mistake in DNS.
 */
export class BackendWatch {
  readonly #options: BackendWatchOptions
  readonly #name: string
  readonly #ending = new AbortController()
  readonly #first: Promise<void>
  #backends: readonly BackendConfig[] = []
  #fingerprint = '[]'
  #timer: NodeJS.Timeout | undefined
  #files: FSWatcher | undefined
  #failed = false
  #truncated = false
  #asking = false

  constructor(options: BackendWatchOptions) {
    this.#options = options
    this.#name = sourceName(options.source)
    if (options.source.type === 'file') this.#watchFile(options.source.path)
    this.#first = this.#ask()
  }

  /** True when it asks this source for this kind of pool already. */
  is({ protocol, tls }: BackendWatchOptions['pool'], source: BackendSource): boolean {
    const { pool, source: own } = this.#options
    return (
      pool.protocol === protocol &&
      JSON.stringify([pool.tls, own]) === JSON.stringify([tls, source])
    )
  }

  get type(): BackendSource['type'] {
    return this.#options.source.type
  }

  /** What it named last, in the order of ids. */
  get backends(): readonly BackendConfig[] {
    return this.#backends
  }

  /** Resolves when it was asked once, whatever came of it. */
  get asked(): Promise<void> {
    return this.#first
  }

  close(): void {
    this.#ending.abort()
    clearTimeout(this.#timer)
    this.#files?.close()
  }

  async #ask(): Promise<void> {
    if (this.#asking || this.#ending.signal.aborted) return
    this.#asking = true
    try {
      this.#take(await this.#servers())
    } catch (error) {
      this.#fail(error as Error)
    } finally {
      this.#asking = false
      this.#askIn(refreshDelay(this.#options.source.refreshMs, Math.random()))
    }
  }

  #askIn(delayMs: number): void {
    clearTimeout(this.#timer)
    if (this.#ending.signal.aborted) return
    this.#timer = setTimeout(() => void this.#ask(), delayMs)
    this.#timer.unref()
  }

  #servers(): Promise<readonly FoundServer[]> {
    const { source } = this.#options
    const { signal } = this.#ending
    switch (source.type) {
      case 'dns':
        return askDns(source.name, source.port, source.server, signal)
      case 'srv':
        return askSrv(source.name, source.server, signal)
      case 'file':
        return readBackendsFile(source.path)
    }
  }

  #take(servers: readonly FoundServer[]): void {
    if (this.#ending.signal.aborted) return
    const backends = new Map<string, BackendConfig>()
    for (const server of servers) {
      const backend = this.#resolve(server)
      if (!backends.has(backend.id)) backends.set(backend.id, backend)
    }
    if (backends.size === 0) throw new Error('it names no server')
    const sorted = [...backends.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
    this.#tellOfTruncation(sorted.length)
    this.#backends = sorted.slice(0, POOL_BACKENDS_MAX)
    if (this.#failed) this.#say('source-answered', `answers again with ${sorted.length} servers`)
    this.#failed = false
    const fingerprint = JSON.stringify(this.#backends)
    if (fingerprint === this.#fingerprint) return
    this.#fingerprint = fingerprint
    this.#options.changed()
  }

  #resolve(server: FoundServer): BackendConfig {
    const { source, pool } = this.#options
    const url = server.address ? expandBackendUrl(source.url, server.address) : server.url
    const zone = server.zone ?? source.zone
    return resolveBackend(
      {
        ...(url === undefined ? {} : { url }),
        weight: (server.weight ?? 1) * source.weight,
        ...(server.id === undefined ? {} : { id: server.id }),
        ...(zone === undefined ? {} : { zone }),
      },
      pool,
      url ?? '',
      this.#name,
    )
  }

  #tellOfTruncation(count: number): void {
    const tooMany = count > POOL_BACKENDS_MAX
    if (tooMany && !this.#truncated)
      this.#say('source-truncated', `names ${count} servers; the first ${POOL_BACKENDS_MAX} count`)
    this.#truncated = tooMany
  }

  /** Said once, not at every refresh. */
  #fail(error: Error): void {
    if (this.#ending.signal.aborted || this.#failed) return
    this.#failed = true
    const kept = this.#backends.length
    this.#say('source-failed', `${error.message}; the last ${kept} servers stay`)
  }

  #say(type: SourceEvent['type'], text: string): void {
    this.#options.said({ type, pool: this.#options.pool.name, source: this.#name, text })
  }

  /** The folder is watched, since editors and config maps replace the file. Where that fails, the refresh finds changes. */
  #watchFile(path: string): void {
    try {
      this.#files = watch(dirname(path), (_event, name) => {
        // Kubernetes swaps a link beside the file.
        if (name === null || name === basename(path) || name.startsWith('..'))
          this.#askIn(FILE_QUIET_MS)
      })
      this.#files.on('error', () => this.#files?.close())
      this.#files.unref()
    } catch {
      this.#files = undefined
    }
  }
}

/**
 * When a source is asked again: members that started together should not ask together for ever.
 * @param random - In [0, 1).
 */
export function refreshDelay(refreshMs: number, random: number): number {
  return refreshMs * (1 - REFRESH_JITTER + 2 * REFRESH_JITTER * random)
}

function sourceName(source: BackendSource): string {
  switch (source.type) {
    case 'dns':
      return `dns:${source.name}:${source.port}`
    case 'srv':
      return `srv:${source.name}`
    case 'file':
      return `file:${source.path}`
  }
}
