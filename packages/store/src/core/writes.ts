import type { Client, HeldReply } from './commands.ts'
import type { Machine } from './machine.ts'
import type { FlushMessage, RefusedMessage, WriteMessage } from './messages.ts'
import { PENDING_COMMANDS_MAX, PENDING_WRITES_MAX, WAITERS_PER_WRITE_MAX } from './options.ts'
import { REPLY_OUT_OF_MEMORY, replyError } from './replies.ts'
import { IDLE, NOBODY, SELF, SERVING } from './view.ts'

const NO_BYTES = new Uint8Array(0)
const NO_WRITER = 0

/** Where a copy stands at one member. */
type CopyState = 'sent' | 'late' | 'applied' | 'failed' | 'refused'

interface Copy {
  readonly member: number
  state: CopyState
  sentAt: number
}

/** A write that this member ordered and that has not got its copies yet. */
interface PendingWrite {
  readonly id: number
  readonly slot: number
  /** Undefined for a flush of the slot. */
  readonly key: Uint8Array | undefined
  readonly keyCode: number
  readonly version: number
  /** As `View.signedEpoch`. */
  epoch: number
  readonly copies: Copy[]
  /** Undefined when nobody waits, or the client has its answer. */
  client: Client | undefined
  readonly reply: Uint8Array
  /** Replies that show this write's effect, and so wait for it. */
  held: HeldReply[] | undefined
  /** The slot was handed over in good order: the new primary has this entry, only the other copies are missing. */
  orderly: boolean
}

/**
 * Writes at the acting primary: apply here, send the resulting entry to every other owner, acknowledge when all owners
 * that answer and at least `replicas` members have it. An owner that cannot be reached, or is silent, is replaced by
 * the next member on the ring.
 *
 * Nothing that is not acknowledged is ever shown: reads of a key with a pending write are computed at once, because
 * they belong before the next write, and held back until that write is safe.
 */
export class Writes {
  readonly #machine: Machine
  readonly #pending = new Map<number, PendingWrite>()
  /** The newest pending write of a key; a collision of codes only makes a read wait for a stranger. */
  readonly #byKey = new Map<number, PendingWrite>()
  /** Members that pull a slot get its writes too, and stay until the slot changes hands or their link breaks. */
  readonly #learners = new Map<number, number[]>()

  /** Pending writes per slot: most slots have none, and are passed over without a look at the others. */
  readonly #perSlot: Uint32Array
  #heldCount = 0

  constructor(machine: Machine) {
    this.#machine = machine
    this.#perSlot = new Uint32Array(machine.view.slotCount)
  }

  get size(): number {
    return this.#pending.size
  }

  learn(slot: number, member: number): void {
    const learners = this.#learners.get(slot)
    if (learners === undefined) this.#learners.set(slot, [member])
    else if (!learners.includes(member)) learners.push(member)
  }

  unlearn(slot: number, member: number): void {
    const learners = this.#learners.get(slot)
    const at = learners?.indexOf(member) ?? -1
    if (learners === undefined || at === -1) return
    learners.splice(at, 1)
    if (learners.length === 0) this.#learners.delete(slot)
  }

  forgetLearners(slot: number): void {
    this.#learners.delete(slot)
  }

  forgetLearner(member: number): void {
    for (const [slot, learners] of this.#learners) {
      const left = learners.filter((learner) => learner !== member)
      if (left.length === 0) this.#learners.delete(slot)
      else if (left.length < learners.length) this.#learners.set(slot, left)
    }
  }

  /** Holds the reply back if the key's newest write is not acknowledged. True when held. */
  hold(slot: number, key: Uint8Array, held: HeldReply): boolean {
    if (this.#byKey.size === 0) return false
    const write = this.#byKey.get(this.#keyCode(slot, key))
    if (write === undefined || this.#machine.planted === 'read-unacknowledged') return false
    write.held ??= []
    if (write.held.length >= WAITERS_PER_WRITE_MAX || this.#heldCount >= PENDING_COMMANDS_MAX) {
      const { pool } = this.#machine.options
      this.#machine.commands.answer(
        held.client,
        replyError(`ERR pool "${pool}": too many pending commands for one key`),
      )
      return true
    }
    write.held.push(held)
    this.#heldCount++
    return true
  }

  /** Orders a write. The client is answered now (refused) or when the copies are in place. */
  commit(
    slot: number,
    key: Uint8Array,
    value: Uint8Array,
    expireAt: number,
    removed: boolean,
    client: Client | undefined,
    reply: Uint8Array,
  ): void {
    const { view, clock, now, commands, options, entries } = this.#machine
    if (client !== undefined) {
      const refusal = this.#refusal()
      if (refusal !== undefined) {
        commands.answer(client, refusal)
        return
      }
    }
    const version = clock.next(now)
    const { writer } = view.self
    if (!entries.put(slot, key, value, version, writer, expireAt, removed)) {
      if (removed) entries.table.erase(slot, key)
      if (client !== undefined) commands.answer(client, removed ? reply : REPLY_OUT_OF_MEMORY)
      return
    }
    const write = this.#open(slot, key.slice(), this.#keyCode(slot, key), version, client, reply)
    if (options.plantedBug === 'acknowledge-before-replicating') this.#acknowledge(write)
    this.#byKey.set(write.keyCode, write)
    this.#replicate(write, [
      slot,
      key,
      removed ? NO_BYTES : value,
      version,
      writer,
      removed ? 0 : expireAt,
      removed ? 1 : 0,
    ])
    this.#settle(write)
  }

  #refusal(): Uint8Array | undefined {
    const { view, options } = this.#machine
    if (this.#pending.size >= PENDING_WRITES_MAX)
      return replyError(`ERR pool "${options.pool}": too many pending commands`)
    if (options.minCopies > 1 && view.reachableCount() < options.minCopies)
      return replyError(
        `NOREPLICAS pool "${options.pool}": fewer than ${options.minCopies} members can be reached`,
      )
    return undefined
  }

  /** A removal that the primary decides by itself: expiry or eviction. Nobody waits for it. */
  evict(slot: number, key: Uint8Array): void {
    if (this.#pending.size >= PENDING_WRITES_MAX) return
    this.commit(slot, key, NO_BYTES, 0, true, undefined, NO_BYTES)
  }

  /** Flushes a slot that this member serves. */
  flush(slot: number, client: Client): void {
    const { clock, now, entries, commands } = this.#machine
    const refusal = this.#refusal()
    if (refusal !== undefined) {
      commands.answer(client, refusal)
      return
    }
    const version = clock.next(now)
    entries.flush(slot, version)
    this.#settle(this.#open(slot, undefined, NOBODY, version, client, NO_BYTES))
  }

  #open(
    slot: number,
    key: Uint8Array | undefined,
    keyCode: number,
    version: number,
    client: Client | undefined,
    reply: Uint8Array,
  ): PendingWrite {
    const write: PendingWrite = {
      id: this.#machine.nextId(),
      slot,
      key,
      keyCode,
      version,
      epoch: this.#machine.view.signedEpoch(slot),
      copies: [],
      client,
      reply,
      held: undefined,
      orderly: false,
    }
    this.#pending.set(write.id, write)
    this.#perSlot[slot] = (this.#perSlot[slot] ?? 0) + 1
    return write
  }

  /** First round: the entry as given, to the owners and learners that can be reached. */
  #replicate(write: PendingWrite, row: WriteMessage['r']): void {
    const { view } = this.#machine
    const start = write.slot * view.replicas
    const message: WriteMessage = { t: 'w', id: write.id, e: write.epoch, r: row }
    for (let i = start; i < start + view.replicas; i++) {
      const owner = view.owners[i] ?? NOBODY
      if (owner !== NOBODY && owner !== SELF && view.isUp(owner))
        this.#sendCopy(write, owner, message)
    }
    const learners = this.#learners.get(write.slot)
    if (learners === undefined) return
    for (const learner of learners)
      if (view.isUp(learner) && !view.owns(learner, write.slot))
        this.#machine.send(learner, { ...message, id: 0 })
  }

  /** An entry that came in otherwise than by a write of this member: the learners must not miss it. */
  teachLearners(slot: number, row: WriteMessage['r']): void {
    const learners = this.#learners.get(slot)
    if (learners === undefined) return
    const message: WriteMessage = { t: 'w', id: 0, e: this.#machine.view.signedEpoch(slot), r: row }
    for (const learner of learners)
      if (this.#machine.view.isUp(learner)) this.#machine.send(learner, message)
  }

  #sendCopy(write: PendingWrite, member: number, message: WriteMessage | FlushMessage): void {
    const { now } = this.#machine
    const copy = write.copies.find((known) => known.member === member)
    if (copy === undefined) write.copies.push({ member, state: 'sent', sentAt: now })
    else {
      copy.state = 'sent'
      copy.sentAt = now
    }
    this.#machine.send(member, message)
  }

  /** A later round: the entry as it stands now, which is this write's or a newer one. */
  #resend(write: PendingWrite, member: number): void {
    const { entries } = this.#machine
    if (write.key === undefined) {
      const { id, epoch, slot, version } = write
      this.#sendCopy(write, member, { t: 'z', id, e: epoch, s: slot, n: version })
      return
    }
    const handle = entries.table.find(write.slot, write.key)
    // Erased meanwhile (flushed, or evicted without a trace): a removal says the same.
    const row: WriteMessage['r'] =
      handle === -1
        ? [write.slot, write.key, NO_BYTES, write.version, NO_WRITER, 0, 1]
        : entries.row(handle)
    this.#sendCopy(write, member, { t: 'w', id: write.id, e: write.epoch, r: row })
  }

  /** Acknowledges if the copies suffice, else sends what is missing. */
  #settle(write: PendingWrite): void {
    const { view, options } = this.#machine
    // While this member asks whether it still serves the slot, nothing is sent or acknowledged on its behalf.
    if (view.role[write.slot] !== SERVING && !write.orderly) return
    const start = write.slot * view.replicas
    let applied = 1
    let waiting = 0
    let full = false
    for (let i = start; i < start + view.replicas; i++) {
      const owner = view.owners[i] ?? NOBODY
      if (owner === NOBODY || owner === SELF) continue
      const state = this.#copyState(write, owner, true)
      if (state === 'applied') applied++
      else if (state === 'sent') waiting++
      else if (state === 'failed') full = true
    }
    let late = false
    if (applied + waiting < options.replicas && options.plantedBug !== 'skip-stand-in') {
      for (const member of view.order(write.slot)) {
        if (applied + waiting >= options.replicas) break
        if (member === SELF) continue
        const owns = view.owns(member, write.slot)
        const state = this.#copyState(write, member, !owns)
        if (state === 'late') late = true
        if (owns) continue
        if (state === 'applied') applied++
        else if (state === 'sent') waiting++
        else if (state === 'failed') full = true
      }
    }
    if (waiting > 0 || (late && applied < options.replicas)) return
    if (full && applied < options.replicas) this.#answer(write, REPLY_OUT_OF_MEMORY)
    this.#acknowledge(write)
    this.#close(write)
  }

  /** The state of a member's copy after sending it if need be; undefined when the member cannot be reached. */
  #copyState(write: PendingWrite, member: number, mayTry: boolean): CopyState | undefined {
    const { view, now, options, counters } = this.#machine
    const copy = write.copies.find((known) => known.member === member)
    if (copy?.state === 'applied' || copy?.state === 'failed') return copy.state
    if (!view.isUp(member)) return undefined
    if (copy?.state === 'late') return 'late'
    if (copy?.state === 'sent') {
      if (now - copy.sentAt >= options.replicaTimeoutMs) copy.state = 'late'
      return copy.state
    }
    if (!mayTry) return undefined
    if (!view.owns(member, write.slot)) counters.standIns++
    this.#resend(write, member)
    return 'sent'
  }

  #answer(write: PendingWrite, reply: Uint8Array): void {
    const { client } = write
    write.client = undefined
    if (client !== undefined) this.#machine.commands.answer(client, reply)
  }

  #acknowledge(write: PendingWrite): void {
    this.#answer(write, write.reply)
  }

  /** Takes the write off the books; returns the replies that waited for it. */
  #forget(write: PendingWrite): readonly HeldReply[] | undefined {
    const { held, slot } = write
    this.#pending.delete(write.id)
    this.#perSlot[slot] = (this.#perSlot[slot] ?? 1) - 1
    if (this.#byKey.get(write.keyCode) === write) this.#byKey.delete(write.keyCode)
    write.held = undefined
    this.#heldCount -= held?.length ?? 0
    return held
  }

  #close(write: PendingWrite): void {
    const held = this.#forget(write)
    if (held !== undefined) for (const reply of held) this.#machine.commands.release(reply)
  }

  applied(from: number, id: number): void {
    const write = this.#pending.get(id)
    const copy = write?.copies.find((known) => known.member === from)
    if (write === undefined || copy === undefined) return
    copy.state = 'applied'
    this.#settle(write)
  }

  refused(from: number, message: RefusedMessage): void {
    const { view, counters, campaigns } = this.#machine
    const write = this.#pending.get(message.id)
    const copy = write?.copies.find((known) => known.member === from)
    if (message.why === 'primary') counters.notPrimary++
    if (write === undefined || copy === undefined) return
    copy.state = message.why === 'primary' ? 'refused' : 'failed'
    if (message.why === 'primary') {
      const { slot } = write
      campaigns.hear(message.c)
      // Hearing of the new primary may have failed this write already.
      if (!this.#pending.has(write.id)) return
      if (view.role[slot] === SERVING && message.p > (view.epoch[slot] ?? 0))
        campaigns.confirm([slot])
      else if (view.role[slot] === IDLE && write.orderly)
        write.epoch = Math.max(write.epoch, message.p)
    }
    this.#settle(write)
  }

  /** This member serves the slot with a new epoch: what was refused is sent again. */
  resume(slot: number): void {
    if (!this.hasPending(slot)) return
    for (const write of [...this.#pending.values()]) {
      if (write.slot !== slot) continue
      write.epoch = this.#machine.view.signedEpoch(slot)
      write.orderly = false
      this.#settle(write)
    }
  }

  /** The slot went to another member in good order: that member has these entries, the other owners still need them. */
  handOver(slot: number, epoch: number): void {
    this.forgetLearners(slot)
    if (!this.hasPending(slot)) return
    for (const write of this.#pending.values())
      if (write.slot === slot) {
        write.orderly = true
        write.epoch = epoch
      }
  }

  /** The slot was taken over: what is not acknowledged may be known to nobody else, and must not come back later. */
  fail(slot: number): void {
    this.forgetLearners(slot)
    if (!this.hasPending(slot)) return
    for (const write of [...this.#pending.values()]) {
      if (write.slot !== slot || write.orderly) continue
      this.#fail(write)
    }
  }

  #fail(write: PendingWrite): void {
    const { entries, options } = this.#machine
    if (write.key !== undefined) {
      const handle = entries.table.find(write.slot, write.key)
      if (handle !== -1 && entries.table.versionOf(handle) >= write.version)
        entries.table.erase(write.slot, write.key)
    }
    this.#unknown(write, `another member took over slot ${write.slot} of pool "${options.pool}"`)
    const held = this.#forget(write)
    if (held !== undefined) for (const reply of held) this.#machine.commands.recall(reply)
  }

  #unknown(write: PendingWrite, reason: string): void {
    if (write.client === undefined) return
    this.#machine.counters.unknownWrites++
    this.#answer(write, replyError(`ERR the write may or may not have been applied: ${reason}`))
  }

  /** Links, owners or time moved: look at every pending write again. */
  review(): void {
    if (this.#pending.size === 0) return
    const { now, options } = this.#machine
    for (const write of [...this.#pending.values()]) {
      if (write.client !== undefined && now >= write.client.deadline)
        this.#unknown(write, `pool "${options.pool}" got too few copies in time`)
      if (write.held !== undefined) {
        const left = this.#machine.commands.dropLate(write.held)
        this.#heldCount -= write.held.length - left.length
        write.held = left
      }
      this.#settle(write)
    }
  }

  /** What was sent on a broken link may be lost; it is sent again if the member comes back. */
  forgetCopies(member: number): void {
    for (const write of this.#pending.values()) {
      const at = write.copies.findIndex((copy) => copy.member === member)
      if (at !== -1 && write.copies[at]?.state !== 'applied') write.copies.splice(at, 1)
    }
  }

  /** A restarted member has lost even what it confirmed. */
  forgetApplied(member: number): void {
    for (const write of this.#pending.values()) {
      const at = write.copies.findIndex((copy) => copy.member === member)
      if (at !== -1) write.copies.splice(at, 1)
    }
  }

  hasPending(slot: number): boolean {
    return (this.#perSlot[slot] ?? 0) > 0
  }

  /** FNV-1a of the key together with the slot. */
  #keyCode(slot: number, key: Uint8Array): number {
    let hash = 0x811c9dc5
    for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ (key[i] ?? 0), 0x01000193)
    return (hash >>> 0) * this.#machine.view.slotCount + slot
  }
}
