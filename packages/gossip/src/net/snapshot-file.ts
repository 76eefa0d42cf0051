import { mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from './errors.ts'
import type { LimitedLog } from './limited-log.ts'
import { SNAPSHOT_BYTES_MAX, SNAPSHOT_DELAY_MS } from './limits.ts'
import type { PeerBook } from './peer-book.ts'
import { readSmallFile } from './small-file.ts'
import { formatSnapshot, parseSnapshot } from './snapshot-text.ts'

export interface SnapshotFileOptions {
  readonly path: string
  /** Of the cluster; peers of another one are not remembered. */
  readonly label: string
  readonly book: PeerBook
  readonly log: LimitedLog
  /** Milliseconds since 1970: they have to mean the same after a restart. */
  readonly wallClock: () => number
}

/** Nobody else reads whom we know; a file is replaced as a whole or not at all. */
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700

/**
 * Keeps the peer book in a file. Whatever is wrong with the file is said in the log and costs nothing but the memory: a
 * cache must start without it.
 */
export class SnapshotFile {
  readonly #options: SnapshotFileOptions
  #timer: NodeJS.Timeout | undefined
  #written = ''
  /** The write under way; writes follow each other. */
  #writing: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(options: SnapshotFileOptions) {
    this.#options = options
  }

  /** Fills the book. Never rejects. */
  async load(): Promise<void> {
    const { book, label, log, path, wallClock } = this.#options
    try {
      const text = await readSmallFile(path, SNAPSHOT_BYTES_MAX)
      const content = parseSnapshot(text, label, wallClock())
      if (content.type === 'foreign') {
        log.write('warn', 'the snapshot of known peers is ignored', { path, why: content.why })
        return
      }
      // The book wants the latest seen last.
      for (const { name, address, seenAt } of content.peers.toReversed()) {
        book.see(name, address, seenAt)
      }
      if (content.badLines === 0) return
      log.write('warn', 'lines of the snapshot of known peers are ignored', {
        path,
        lines: content.badLines,
      })
    } catch (error) {
      const system = systemCode(error)
      // The first start of a member.
      if (system === 'ENOENT') return
      log.write('warn', 'the snapshot of known peers cannot be read', { path, system })
    }
  }

  /** The book has changed: it is written soon. */
  touch(): void {
    if (this.#isClosed || this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#write()
    }, SNAPSHOT_DELAY_MS)
    this.#timer.unref()
  }

  /** Writes what is not yet written; nothing is written afterwards. Never rejects. */
  async close(): Promise<void> {
    if (!this.#isClosed) {
      this.#isClosed = true
      clearTimeout(this.#timer)
      void this.#write()
    }
    await this.#writing
  }

  #write(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#writeNow())
    return this.#writing
  }

  async #writeNow(): Promise<void> {
    const { book, label, log, path, wallClock } = this.#options
    const text = formatSnapshot(label, book.list(wallClock()))
    if (text === this.#written) return
    try {
      await replaceFile(path, text)
      this.#written = text
    } catch (error) {
      log.write('warn', 'the snapshot of known peers cannot be written', {
        path,
        system: systemCode(error),
        harm: 'this member finds its cluster again only through seeds',
      })
    }
  }
}

/** Old or new, never half: the new file is complete on disk before it takes the name. */
async function replaceFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: FOLDER_MODE })
  const temporary = `${path}.tmp`
  try {
    // What a killed process left behind goes first, whatever it is.
    await rm(temporary, { force: true })
    const file = await open(temporary, 'wx', FILE_MODE)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {
      // What could not be written cannot always be removed; the first error is the one to tell.
    })
    throw error
  }
}
