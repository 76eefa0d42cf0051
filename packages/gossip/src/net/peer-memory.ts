import type { Member, MemberEvent } from '../core/effects.ts'
import type { LimitedLog } from './limited-log.ts'
import { SNAPSHOT_REFRESH_MS } from './limits.ts'
import { PeerBook, type RememberedPeer } from './peer-book.ts'
import { SnapshotFile } from './snapshot-file.ts'

export interface PeerMemoryOptions {
  readonly path: string
  readonly label: string
  readonly log: LimitedLog
  /** Milliseconds since 1970. */
  readonly wallClock: () => number
}

/** Remembers the members that were met, over restarts. */
export class PeerMemory {
  readonly #book = new PeerBook()
  readonly #file: SnapshotFile
  readonly #wallClock: () => number
  #refreshing: NodeJS.Timeout | undefined
  #follow: (() => void) | undefined

  private constructor(options: PeerMemoryOptions) {
    this.#wallClock = options.wallClock
    this.#file = new SnapshotFile({ ...options, book: this.#book })
  }

  /** Never rejects: a file that cannot be read is a line in the log. */
  static async open(options: PeerMemoryOptions): Promise<PeerMemory> {
    const memory = new PeerMemory(options)
    await memory.#file.load()
    return memory
  }

  /** From now on the living are seen again at times, and once more at the end. */
  follow(selfName: string, members: () => Iterable<Member>): void {
    this.#follow = () => {
      for (const member of members()) {
        if (member.state === 'alive' && member.name !== selfName) this.#see(member)
      }
    }
    this.#refreshing = setInterval(() => {
      this.#follow?.()
      this.#file.touch()
    }, SNAPSHOT_REFRESH_MS)
    this.#refreshing.unref()
  }

  observe(event: MemberEvent, selfName: string): void {
    if (event.type !== 'join' && event.type !== 'update') return
    if (event.member.name !== selfName && this.#see(event.member)) this.#file.touch()
  }

  knows(name: string): boolean {
    return this.#book.has(name)
  }

  /** The latest seen first. */
  peers(): readonly RememberedPeer[] {
    return this.#book.list(this.#wallClock())
  }

  /** Writes the file once more. Never rejects. */
  async close(): Promise<void> {
    clearInterval(this.#refreshing)
    this.#follow?.()
    await this.#file.close()
  }

  #see({ address, name }: Member): boolean {
    return this.#book.see(name, address, this.#wallClock())
  }
}
