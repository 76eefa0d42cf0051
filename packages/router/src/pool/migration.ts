import { encodeCommand } from '../codec/resp/encode.ts'
import { DECODED, RequestDecoder } from '../codec/resp/request-decoder.ts'
import type { RequestFrame } from '../codec/resp/request-frame.ts'
import { findKeys } from '../plan/command-keys.ts'
import { isHollow } from '../plan/hollow.ts'
import type { MigrationTopology } from '../topology.ts'
import type { BackendOwner, BackendTools } from './backend.ts'
import { Asking, MigrationSource, rowOf } from './migration-source.ts'
import type { Pool } from './pool.ts'
import { Request, type RequestOwner } from './request.ts'

type Gather = Parameters<Pool['runAll']>[2]

/** What a migration does with the pool whose keys move. */
export interface MigrationTarget {
  /** Where a key is: first the keyspace of who answers for it now, then those of others that hold copies. */
  keyspacesOf(bytes: Uint8Array, from: number, to: number): readonly string[]
  keyspaces(): ReadonlySet<string>
  run(request: Request, frame: RequestFrame, keyIndex: number, stable: boolean): void
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

/** Commands that need nothing of what a key held: nothing is copied before them. */
const OVERWRITES = new Set(['set', 'setex', 'psetex', 'mset'])
/** Options with which SET looks at the old value. */
const LOOKS = new Set(['NX', 'XX', 'GET', 'KEEPTTL'])
const FLUSHES = new Set(['flushall', 'flushdb'])
const BUSY = '-BUSYKEY'
const OK = '+OK'

/**
 * Two rings for a while: keys move from their old owners to their new ones as they are used.
 *
 *   read       ask the new owner; if that may have nothing: DUMP at the old one, RESTORE (never REPLACE) at the new one, ask again
 *   overwrite  DEL at the old owner, then write at the new one
 *   other      copy as above, DEL at the old owner, then write at the new one
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
  readonly #decoder: RequestDecoder
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
    this.#decoder = new RequestDecoder(tools.limits)
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
    const { command } = request
    if (!('keys' in command)) return false
    const found = findKeys(command.keys, frame, command.name)
    if (found.type === 'error') return false
    const moving = found.indexes.filter((at) => this.#moves(frame, at))
    if (moving.length === 0) return false
    const keys = distinct(moving.map((at) => Buffer.from(frame.arg(at))))
    const alone = found.indexes.length === 1
    const bytes = Buffer.from(frame.bytes.subarray(frame.start, frame.end))
    const overwrites = isOverwrite(command.name, frame)
    this.#admit(request, keys, () => this.#serve(request, bytes, keyIndex, keys, alone, overwrites))
    return true
  }

  /** Takes a command for all backends if old owners must hear of it too. */
  takeAll(request: Request, frame: RequestFrame, gather: Gather): boolean {
    if (!FLUSHES.has(request.command.name) || this.over) return false
    const bytes = Buffer.from(frame.bytes.subarray(frame.start, frame.end))
    const words = Array.from({ length: frame.argc }, (_, at) => Buffer.from(frame.arg(at)))
    this.#admit(request, undefined, async () => {
      await this.#source.flush(words, this.#target.keyspaces())
      this.#target.runAll(request, this.#decoded(bytes), gather)
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

  #moves(frame: RequestFrame, at: number): boolean {
    const old = this.#source.keyspaceOf(frame.arg(at))
    const [now] = this.#target.keyspacesOf(frame.bytes, frame.from(at), frame.to(at))
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

  async #serve(
    request: Request,
    bytes: Buffer,
    keyIndex: number,
    keys: readonly Buffer[],
    alone: boolean,
    overwrites: boolean,
  ): Promise<void> {
    const [first] = keys
    const access = 'access' in request.command ? request.command.access : 'write'
    if (access === 'read' && alone && first !== undefined) {
      const miss = await this.#readFirst(request, bytes, keyIndex)
      if (miss === undefined) return
      if (!(await this.#copy(first))) {
        request.settle(miss, 0, miss.length, true)
        return
      }
    } else if (access === 'read') await Promise.all(keys.map((key) => this.#copyMissing(key)))
    else await Promise.all(keys.map((key) => this.#takeOver(key, overwrites)))
    this.#target.run(request, this.#decoded(bytes), keyIndex, true)
  }

  /** Asks the new owner; a reply that stands for something is the client's, any other is given back. */
  #readFirst(request: Request, bytes: Buffer, keyIndex: number): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      const owner = new FirstReading(request, resolve)
      const asked = new Request(owner, request.command, request.resp, undefined, false)
      this.#target.run(asked, this.#decoded(bytes), keyIndex, true)
    })
  }

  async #takeOver(key: Buffer, overwrites: boolean): Promise<void> {
    if (!overwrites) await this.#copyMissing(key)
    const old = this.#source.keyspaceOf(key)
    // An old owner that holds a copy under the new ring is told by the write itself.
    if (old === undefined || this.#target.keyspacesOf(key, 0, key.length).includes(old)) return
    this.counters.invalidated++
    await this.#source.remove(key)
  }

  async #copyMissing(key: Buffer): Promise<void> {
    if ((await this.#ask(['EXISTS', key])).toString('latin1') === ':0\r\n') await this.#copy(key)
  }

  /** True when the new owner has the key now. */
  async #copy(key: Buffer): Promise<boolean> {
    const value = await this.#source.read(key)
    if (value === undefined) {
      this.counters.absent++
      return false
    }
    const { payload, ttlMs } = value
    const reply = (await this.#ask(['RESTORE', key, String(ttlMs), payload])).toString('latin1')
    if (reply.startsWith(BUSY)) return true
    if (!reply.startsWith(OK)) {
      this.counters.failed++
      return false
    }
    if (await this.#source.has(key)) {
      this.counters.copied++
      return true
    }
    this.counters.undone++
    await this.#ask(['DEL', key])
    return false
  }

  /** A question of our own to the new owner of a key, which is argument 1. */
  #ask(words: readonly (string | Buffer)[]): Promise<Buffer> {
    const bytes = encodeCommand(words.map((word) => Buffer.from(word)))
    return new Promise((resolve) => {
      const request = new Request(new Asking(resolve), rowOf(String(words[0])), 2, undefined, false)
      this.#target.run(request, this.#decoded(bytes), 1, true)
    })
  }

  /** Valid until the next call. The bytes were a command before. */
  #decoded(bytes: Buffer): RequestFrame {
    const decoded = this.#decoder.next(bytes, 0, bytes.length)
    if (decoded !== DECODED.frame) throw new Error('a command could not be read again')
    return this.#decoder.frame
  }
}

class FirstReading implements RequestOwner {
  readonly #client: Request
  readonly #resolve: (miss: Buffer | undefined) => void

  constructor(client: Request, resolve: (miss: Buffer | undefined) => void) {
    this.#client = client
    this.#resolve = resolve
  }

  answered(_request: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    if (isHollow(bytes, start, end)) {
      this.#resolve(Buffer.from(bytes.subarray(start, end)))
      return
    }
    this.#client.settle(bytes, start, end, stable)
    this.#resolve(undefined)
  }
}

function isOverwrite(name: string, frame: RequestFrame): boolean {
  if (!OVERWRITES.has(name)) return false
  if (name !== 'set') return true
  for (let at = 3; at < frame.argc; at++) if (LOOKS.has(frame.text(at).toUpperCase())) return false
  return true
}

function distinct(keys: readonly Buffer[]): readonly Buffer[] {
  return keys.length === 1
    ? keys
    : [...new Map(keys.map((key) => [key.toString('latin1'), key])).values()]
}
