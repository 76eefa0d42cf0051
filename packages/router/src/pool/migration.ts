import { RequestFrame } from '../codec/resp/request-frame.ts'
import type { MigrationTopology } from '../topology.ts'
import type { BackendOwner, BackendTools } from './backend.ts'
import { Asking, MigrationSource } from './migration-source.ts'
import type { Moving, Question } from './moving/moving.ts'
import type { Pool } from './pool.ts'
import { Request, type RequestOwner } from './request.ts'

type Gather = Parameters<Pool['runAll']>[2]

/** What a migration does with the pool whose keys move. */
export interface MigrationTarget {
  /** All keys of a command, as binary text. */
  keysOf(request: Request, frame: RequestFrame, keyIndex: number): readonly string[]
  /** Where a key is: first the keyspace of who answers for it now, then those of others that hold copies. */
  keyspacesOf(key: Uint8Array): readonly string[]
  keyspaces(): ReadonlySet<string>
  /** Runs a whole command, in bytes that nobody will change, at the owner of a key. */
  run(request: Request, bytes: Buffer, key: Buffer): void
  runAll(request: Request, frame: RequestFrame, gather: Gather): void
  fail(request: Request, code: string, text: string): void
}

export interface MigrationTools extends BackendTools {
  /** Milliseconds since 1970. */
  readonly wallClock: () => number
  readonly dropped: (backend: string) => void
  /** Hears of old backends that are avoided and that return. */
  readonly watch: Pick<BackendOwner, 'avoided' | 'returned'>
}

/**
 * Two rings for a while: keys move from their old owners to their new ones as they are used.
 *
 *   read       ask the new owner; if that may have nothing: read at the old one, add (never replace) at the new one, ask again
 *   overwrite  delete at the old owner, then write at the new one
 *   other      copy as above, delete at the old owner, then write at the new one
 *
 * Whoever writes deletes at the old owner first. So one that copies looks there once more afterwards: when the key is gone,
 * a write was faster, and the copy is taken back. Commands with a key in common run one after the other, in the order in
 * which they came.
 */
export class Migration {
  readonly counters = { copied: 0, absent: 0, failed: 0, undone: 0, invalidated: 0 }

  readonly #topology: MigrationTopology
  readonly #target: MigrationTarget
  readonly #tools: MigrationTools
  readonly #source: MigrationSource
  readonly #moving: Moving
  /** The last command of each key, keys as latin1. */
  readonly #tails = new Map<string, Promise<void>>()
  /** The last command that concerned all keys. */
  #barrier: Promise<void> | undefined
  #waiting = 0
  #closed = false

  constructor(topology: MigrationTopology, target: MigrationTarget, tools: MigrationTools) {
    this.#topology = topology
    this.#target = target
    this.#tools = tools
    this.#moving = tools.protocol.moving
    this.#source = new MigrationSource(topology, {
      ...tools,
      pendingKeysMax: tools.limits.migrationPendingKeysMax,
    })
  }

  /** Commands that are not at their new owner yet. */
  get waiting(): number {
    return this.#waiting
  }

  /** Deletes that old owners have not heard of. */
  get pendingKeys(): number {
    return this.#source.pendingKeys
  }

  /** True once its time is over: old owners are not asked any more. */
  get over(): boolean {
    return this.#closed || this.#tools.wallClock() >= this.#topology.untilMs
  }

  /** True when nothing about the old ring and its end is new. */
  is(topology: MigrationTopology): boolean {
    return JSON.stringify(topology) === JSON.stringify(this.#topology)
  }

  /** Takes a command if one of its keys has another owner than before; it is answered later. */
  take(request: Request, frame: RequestFrame, keyIndex: number): boolean {
    if (keyIndex < 0 || this.over) return false
    const names = this.#target.keysOf(request, frame, keyIndex)
    const [first = ''] = names
    const keys = [...new Set(names)]
      .map((name) => Buffer.from(name, 'latin1'))
      .filter((key) => this.#moves(key))
    if (keys.length === 0) return false
    const command: MovingCommand = {
      request,
      bytes: Buffer.from(frame.bytes.subarray(frame.start, frame.end)),
      first: Buffer.from(first, 'latin1'),
      keys,
      alone: names.length === 1,
      overwrites: this.#moving.overwrites(request.command, frame),
    }
    this.#admit(request, keys, () => this.#serve(command))
    return true
  }

  /** Takes a command for all backends if old owners must hear of it too. */
  takeAll(request: Request, frame: RequestFrame, gather: Gather): boolean {
    const { command } = request
    if (!this.#moving.flushes(command) || this.over) return false
    const bytes = Buffer.from(frame.bytes.subarray(frame.start, frame.end))
    this.#admit(request, undefined, async () => {
      await this.#source.flush({ command, bytes }, this.#target.keyspaces())
      this.#target.runAll(request, wholeFrame(bytes), gather)
    })
    return true
  }

  tick(now: number): void {
    if (!this.#closed) this.#source.tick(now)
  }

  close(): void {
    this.#closed = true
    this.#source.close()
  }

  #moves(key: Buffer): boolean {
    const old = this.#source.keyspaceOf(key)
    const [now] = this.#target.keyspacesOf(key)
    return old !== undefined && now !== undefined && old !== now
  }

  /** Runs `work` after all earlier commands of these keys, or of all keys. */
  #admit(request: Request, keys: readonly Buffer[] | undefined, work: () => Promise<void>): void {
    const { migrationQueueMax } = this.#tools.limits
    if (this.#waiting >= migrationQueueMax) {
      this.#target.fail(
        request,
        'MIGRATION_FULL',
        `${this.#waiting} commands wait for old owners of keys, which is the limit migrationQueueMax`,
      )
      return
    }
    this.#waiting++
    const names = keys?.map((key) => key.toString('latin1'))
    const before =
      names === undefined ? [...this.#tails.values()] : names.map((name) => this.#tails.get(name))
    const done = this.#after([this.#barrier, ...before], work)
    if (names === undefined) this.#barrier = done
    else for (const name of names) this.#tails.set(name, done)
    void done.then(() => {
      this.#waiting--
      if (this.#barrier === done) this.#barrier = undefined
      for (const name of names ?? []) if (this.#tails.get(name) === done) this.#tails.delete(name)
    })
  }

  async #after(
    before: readonly (Promise<void> | undefined)[],
    work: () => Promise<void>,
  ): Promise<void> {
    // Without predecessors the work begins at once, in the turn in which the command came.
    if (before.some((each) => each !== undefined)) await Promise.all(before)
    await work()
  }

  async #serve(moving: MovingCommand): Promise<void> {
    const { request, bytes, first, keys, alone, overwrites } = moving
    const { access } = request.command
    if (access === 'read' && alone) {
      const miss = await this.#readFirst(moving)
      if (miss === undefined) return
      if (!(await this.#copy(first))) {
        request.settle(miss, 0, miss.length, true)
        return
      }
    } else if (access === 'read') await Promise.all(keys.map((key) => this.#copyMissing(key)))
    else await Promise.all(keys.map((key) => this.#takeOver(key, overwrites)))
    this.#target.run(request, bytes, first)
  }

  /** Asks the new owner; a reply that stands for something is the client's, any other is given back. */
  #readFirst({ request, bytes, first }: MovingCommand): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      const owner = new FirstReading(request, this.#moving, resolve)
      const asked = new Request(owner, request.command, request.resp, undefined, false)
      this.#target.run(asked, bytes, first)
    })
  }

  async #takeOver(key: Buffer, overwrites: boolean): Promise<void> {
    if (!overwrites) await this.#copyMissing(key)
    const old = this.#source.keyspaceOf(key)
    // An old owner that holds a copy under the new ring is told by the write itself.
    if (old === undefined || this.#target.keyspacesOf(key).includes(old)) return
    this.counters.invalidated++
    await this.#source.remove(key)
  }

  async #copyMissing(key: Buffer): Promise<void> {
    const reply = await this.#ask(key, this.#moving.exists(key))
    if (this.#moving.isAbsent(reply)) await this.#copy(key)
  }

  /** True when the new owner has the key now. */
  async #copy(key: Buffer): Promise<boolean> {
    const restore = await this.#source.read(key)
    if (restore === undefined) {
      this.counters.absent++
      return false
    }
    const restored = this.#moving.restored(await this.#ask(key, restore))
    if (restored === 'present') return true
    if (restored === 'failed') {
      this.counters.failed++
      return false
    }
    if (await this.#source.has(key)) {
      this.counters.copied++
      return true
    }
    this.counters.undone++
    await this.#ask(key, this.#moving.remove(key))
    return false
  }

  /** A question of our own to the new owner of a key. */
  #ask(key: Buffer, { command, bytes }: Question): Promise<Buffer> {
    return new Promise((resolve) => {
      const request = new Request(new Asking(resolve), command, 2, undefined, false)
      this.#target.run(request, bytes, key)
    })
  }
}

/** A command of a client some of whose keys have other owners now. */
interface MovingCommand {
  readonly request: Request
  readonly bytes: Buffer
  /** Its first key, which decides the owner. */
  readonly first: Buffer
  /** Those that move, each once. */
  readonly keys: readonly Buffer[]
  /** True when it has one key. */
  readonly alone: boolean
  readonly overwrites: boolean
}

class FirstReading implements RequestOwner {
  readonly #client: Request
  readonly #moving: Moving
  readonly #resolve: (miss: Buffer | undefined) => void

  constructor(client: Request, moving: Moving, resolve: (miss: Buffer | undefined) => void) {
    this.#client = client
    this.#moving = moving
    this.#resolve = resolve
  }

  answered(_request: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    if (this.#moving.isMiss(bytes, start, end)) {
      this.#resolve(Buffer.from(bytes.subarray(start, end)))
      return
    }
    this.#client.settle(bytes, start, end, stable)
    this.#resolve(undefined)
  }
}

/** The bytes of a command, for all backends: its words are not looked at. */
function wholeFrame(bytes: Buffer): RequestFrame {
  const frame = new RequestFrame()
  frame.bytes = bytes
  frame.end = bytes.length
  return frame
}
