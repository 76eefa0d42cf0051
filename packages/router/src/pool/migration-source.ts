import type { MigrationTopology } from '../topology.ts'
import { Backend, type BackendOwner, type BackendTools } from './backend.ts'
import { KeyRing } from './key-ring.ts'
import type { LostCause } from './lost-cause.ts'
import type { Moving, Question } from './moving/moving.ts'
import { Request, type RequestOwner } from './request.ts'

export interface MigrationSourceTools extends BackendTools {
  /** What an old backend could not be told is kept up to so many keys; then it is not asked any more. */
  readonly pendingKeysMax: number
  readonly dropped: (backend: string) => void
  /** Hears of old backends that are avoided and that return. */
  readonly watch: Pick<BackendOwner, 'avoided' | 'returned'>
}

/**
 * The old owners of a pool that migrates. A key is only ever asked of its own old owner: another one knows nothing of it.
 * A delete that could not be delivered is remembered, and until it is, its key is not read here.
 */
export class MigrationSource implements BackendOwner {
  readonly #tools: MigrationSourceTools
  readonly #moving: Moving
  readonly #ring = new KeyRing()
  readonly #backends: readonly Backend[]
  /** Undelivered deletes by backend, keys as latin1. */
  readonly #pending = new Map<Backend, Set<string>>()
  readonly #dropped = new Set<Backend>()
  #closed = false

  constructor({ placement, backends }: MigrationTopology, tools: MigrationSourceTools) {
    this.#tools = tools
    this.#moving = tools.protocol.moving
    this.#ring.update({ placement, backends })
    const byId = new Map(backends.map((each) => [each.id, new Backend(each, this, tools)]))
    this.#backends = this.#ring.nodes
      .map(({ id }) => byId.get(id))
      .filter((backend) => backend !== undefined)
  }

  /** Deletes that wait for their backend. */
  get pendingKeys(): number {
    let keys = 0
    for (const waiting of this.#pending.values()) keys += waiting.size
    return keys
  }

  /** Where a key was: the keyspace of its old owner. */
  keyspaceOf(key: Uint8Array): string | undefined {
    const owner = this.#ownerOf(key)
    return owner === undefined ? undefined : keyspaceOf(owner)
  }

  /** What gives the value of a key to a new owner; `undefined` without one, and when its owner cannot be asked. */
  async read(key: Buffer): Promise<Question | undefined> {
    const owner = this.#askable(key)
    if (owner === undefined) return undefined
    const questions = this.#moving.read(key)
    const replies = await Promise.all(questions.map((each) => this.#ask(owner, each)))
    return this.#askable(key) === undefined ? undefined : this.#moving.restore(key, replies)
  }

  /** False also when nobody knows. */
  async has(key: Buffer): Promise<boolean> {
    const owner = this.#askable(key)
    if (owner === undefined) return false
    return this.#moving.isThere(await this.#ask(owner, this.#moving.exists(key)))
  }

  /** Deletes a key, at once or as soon as its owner is back. */
  async remove(key: Buffer): Promise<void> {
    const owner = this.#ownerOf(key)
    if (owner === undefined || this.#dropped.has(owner)) return
    const reply = await this.#ask(owner, this.#moving.remove(key))
    if (this.#moving.isRemoved(reply)) this.#pending.get(owner)?.delete(key.toString('latin1'))
    else this.#remember(owner, key)
  }

  /** Empties all old backends but those that are in these keyspaces; one that cannot be emptied is not asked any more. */
  async flush(command: Question, except: ReadonlySet<string>): Promise<void> {
    await Promise.all(
      this.#backends.map(async (backend) => {
        if (except.has(keyspaceOf(backend))) return
        const reply = await this.#ask(backend, command)
        if (this.#moving.isRefusal(reply)) this.#drop(backend)
      }),
    )
  }

  tick(now: number): void {
    for (const backend of this.#backends) backend.tick(now)
  }

  close(): void {
    this.#closed = true
    for (const backend of this.#backends) backend.close()
    this.#pending.clear()
  }

  lost(request: Request, backend: Backend, _sent: boolean, { text }: LostCause): void {
    request.chunk = undefined
    backend.counters.errors++
    const reply = this.#tools.protocol.encodeError(`old backend ${backend.id} ${text}`)
    request.settle(reply, 0, reply.length, true)
  }

  avoided(backend: Backend, cause: LostCause): void {
    this.#tools.watch.avoided(backend, cause)
  }

  returned(backend: Backend): void {
    this.#tools.watch.returned(backend)
    void this.#deliver(backend)
  }

  /** Deletes what a backend missed; what it does not answer waits for its next return. */
  async #deliver(backend: Backend): Promise<void> {
    const keys = [...(this.#pending.get(backend) ?? [])]
    for (let at = 0; at < keys.length && backend.usable && !this.#closed; at += DELIVERED_AT_ONCE) {
      const some = keys.slice(at, at + DELIVERED_AT_ONCE)
      await Promise.all(some.map((key) => this.remove(Buffer.from(key, 'latin1'))))
    }
  }

  /** The reply of one backend; an error reply when it gave none. */
  #ask(backend: Backend, { command, bytes }: Question): Promise<Buffer> {
    return new Promise((resolve) => {
      const request = new Request(new Asking(resolve), command, 2, undefined, true)
      if (backend.usable && backend.accepts(bytes.length))
        backend.send(request, bytes, 0, bytes.length, true)
      else
        resolve(this.#tools.protocol.encodeError(`old backend ${backend.id} takes no commands now`))
    })
  }

  #ownerOf(key: Uint8Array): Backend | undefined {
    return this.#backends[this.#ring.ownerIndexAt(this.#ring.placeOf(key))]
  }

  /** The owner, unless what it says of this key may be out of date. */
  #askable(key: Buffer): Backend | undefined {
    const owner = this.#ownerOf(key)
    if (owner === undefined || !owner.usable || this.#dropped.has(owner)) return undefined
    return this.#pending.get(owner)?.has(key.toString('latin1')) ? undefined : owner
  }

  #remember(owner: Backend, key: Buffer): void {
    if (this.#closed) return
    const keys = this.#pending.get(owner) ?? new Set()
    this.#pending.set(owner, keys)
    keys.add(key.toString('latin1'))
    if (this.pendingKeys > this.#tools.pendingKeysMax) this.#drop(owner)
  }

  #drop(backend: Backend): void {
    if (this.#dropped.has(backend) || this.#closed) return
    this.#dropped.add(backend)
    this.#pending.delete(backend)
    this.#tools.dropped(backend.id)
  }
}

/** Deletes on the way to a backend that returned. */
const DELIVERED_AT_ONCE = 1_000

/** Names the keys that a backend serves: what two backends with equal names write, they write in one place. */
export function keyspaceOf({ host, port, access }: Backend): string {
  return `${access.path ?? `${host}:${port}`}/${access.database ?? 0}`
}

/** Keeps the reply to a question of our own. */
export class Asking implements RequestOwner {
  readonly #resolve: (reply: Buffer) => void

  constructor(resolve: (reply: Buffer) => void) {
    this.#resolve = resolve
  }

  answered(_request: Request, bytes: Buffer, start: number, end: number): void {
    this.#resolve(Buffer.from(bytes.subarray(start, end)))
  }
}
