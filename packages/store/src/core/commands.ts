import { slotOf } from '@ringway/ring'
import type { Current } from './commands/store-command.ts'
import type { Machine } from './machine.ts'
import type { CallMessage, NotOwnerMessage, ReplyMessage } from './messages.ts'
import { PENDING_COMMANDS_MAX } from './options.ts'
import { asciiOf, replyError } from './replies.ts'
import type { StoreRequest } from './store.ts'
import { CAMPAIGNING, NOBODY, SELF, SERVING } from './view.ts'

const NO_BYTES = new Uint8Array(0)
/** A command is forwarded at most this often in all. */
const HOPS_MAX = 2
const NAME_SHOWN_MAX = 128

/** Who waits for a reply: a client of this member, or a member that forwarded a command. */
export interface Client {
  /** SELF, or the member that forwarded. */
  readonly origin: number
  readonly token: number
  /** Of the origin's link: a reply never travels on a later link, where the number means something else. */
  readonly session: number
  readonly deadline: number
  /** For work of this member itself: gets the reply. */
  readonly done: ((reply: Uint8Array) => void) | undefined
}

interface Task {
  readonly client: Client
  readonly args: readonly Uint8Array[]
  readonly slot: number
  readonly resp: 2 | 3
  readonly hop: number
}

/** A reply that shows the effect of a write that is not safe yet. */
export interface HeldReply extends Task {
  readonly reply: Uint8Array
}

/** A command that waits for a primary, or for the reply of the member it was forwarded to. */
interface Waiting extends Task {
  readonly id: number
  readonly access: 'read' | 'write'
  /** Where it was sent; NOBODY while it waits. */
  target: number
  retryAt: number
}

/**
 * Commands of clients: run here when this member serves the slot, else forwarded to the one that does. What was not
 * run is tried again until its deadline; what was sent and not answered is tried again only if it reads.
 */
export class Commands {
  readonly #machine: Machine
  readonly #waiting = new Map<number, Waiting>()
  readonly #slotMask: number
  #stirred = false
  /** Reused for every command: commands read it and keep nothing. */
  readonly #current: { value: Uint8Array; expireAt: number } = { value: NO_BYTES, expireAt: 0 }

  constructor(machine: Machine) {
    this.#machine = machine
    this.#slotMask = machine.options.slotCount - 1
  }

  get size(): number {
    return this.#waiting.size
  }

  get stirred(): boolean {
    return this.#stirred
  }

  /** Claims moved: waiting commands are looked at before the call ends. */
  stir(): void {
    if (this.#waiting.size > 0) this.#stirred = true
  }

  execute(request: StoreRequest): void {
    const { args, keyIndex, token, resp } = request
    const { now, options, out } = this.#machine
    const client: Client = {
      origin: SELF,
      token,
      session: 0,
      deadline: now + options.commandTimeoutMs,
      done: undefined,
    }
    const name = args[0] ?? NO_BYTES
    if (keyIndex < 0) {
      const slot = this.#machine.gathers.execute(client, args, resp)
      if (slot !== undefined) this.#begin(client, args, slot, resp, 0)
      return
    }
    const command = options.findCommand(name)
    if (command === undefined) {
      out.reply(token, replyError(unknownCommand(asciiOf(name, NAME_SHOWN_MAX))))
      return
    }
    const { arity } = command
    const key = args[keyIndex]
    if (
      key === undefined ||
      keyIndex !== 1 ||
      (arity < 0 ? args.length < -arity : args.length !== arity)
    ) {
      const name = command.name.toLowerCase()
      out.reply(token, replyError(`ERR wrong number of arguments for '${name}' command`))
      return
    }
    this.#begin(client, args, slotOf(key) & this.#slotMask, resp, 0)
  }

  /** A command that another member forwarded. */
  call(from: number, message: CallMessage): void {
    const { now, view, options } = this.#machine
    const left = Math.min(Math.max(0, message.m), options.commandTimeoutMs)
    const session = view.peers[from]?.session ?? 0
    const client: Client = {
      origin: from,
      token: message.id,
      session,
      deadline: now + left,
      done: undefined,
    }
    this.#begin(client, message.a, message.s, message.r, message.h)
  }

  #begin(
    client: Client,
    args: readonly Uint8Array[],
    slot: number,
    resp: 2 | 3,
    hop: number,
  ): void {
    if (this.#machine.view.role[slot] === SERVING) {
      this.#run(client, args, slot, resp, hop)
      return
    }
    if (this.#waiting.size >= PENDING_COMMANDS_MAX) {
      this.answer(client, this.#tooMany())
      return
    }
    const command = this.#machine.options.findCommand(args[0] ?? NO_BYTES)
    const task: Waiting = {
      client,
      args,
      slot,
      resp,
      hop,
      id: this.#machine.nextId(),
      // A scan has no entry in the table of commands, and reads.
      access: command?.access ?? 'read',
      target: NOBODY,
      retryAt: 0,
    }
    this.#waiting.set(task.id, task)
    this.#route(task)
  }

  #tooMany(): Uint8Array {
    return replyError(`ERR pool "${this.#machine.options.pool}": too many pending commands`)
  }

  // — running —

  #run(client: Client, args: readonly Uint8Array[], slot: number, resp: 2 | 3, hop: number): void {
    const { options, entries, now, writes, gathers } = this.#machine
    const command = options.findCommand(args[0] ?? NO_BYTES)
    if (command === undefined) {
      this.answer(client, gathers.scan(args, slot))
      return
    }
    const key = args[1] ?? NO_BYTES
    const { table } = entries
    const handle = table.find(slot, key)
    let current: Current | undefined
    let expired = false
    let value: Uint8Array
    if (handle !== -1 && !table.isRemoved(handle)) {
      const expireAt = table.expireAtOf(handle)
      expired = expireAt !== 0 && expireAt <= now
      if (!expired) {
        table.touch(handle, now)
        this.#current.value = table.valueOf(handle)
        this.#current.expireAt = expireAt
        current = this.#current
      }
    }
    const outcome = command.run(args, current, now, resp)
    switch (outcome.type) {
      case 'write':
        // The table may move what a view of it shows: a value that stays is copied before it is stored again.
        value = outcome.value === current?.value ? outcome.value.slice() : outcome.value
        writes.commit(slot, key, value, outcome.expireAt, false, client, outcome.reply)
        return
      case 'remove':
        // Nothing to remove, nothing to replicate; but an expired entry is removed for good.
        if (current === undefined && !expired) break
        writes.commit(slot, key, NO_BYTES, 0, true, client, outcome.reply)
        return
      case 'reply':
        // What expired must stay expired when a member with another clock takes over.
        if (expired) {
          writes.commit(slot, key, NO_BYTES, 0, true, client, outcome.reply)
          return
        }
    }
    if (writes.size > 0) {
      const held: HeldReply = { client, args, slot, resp, hop, reply: outcome.reply }
      if (writes.hold(slot, key, held)) return
    }
    this.answer(client, outcome.reply)
  }

  answer(client: Client, reply: Uint8Array): void {
    if (client.done !== undefined) {
      client.done(reply)
      return
    }
    if (client.origin === SELF) {
      this.#machine.out.reply(client.token, reply)
      return
    }
    const peer = this.#machine.view.peers[client.origin]
    if (peer?.session === client.session)
      this.#machine.send(client.origin, { t: 'r', id: client.token, b: reply })
  }

  /** The write behind a held reply is safe. */
  release(held: HeldReply): void {
    this.answer(held.client, held.reply)
  }

  /** The write behind a held reply was lost: nothing was shown, so the command starts again. */
  recall(held: HeldReply): void {
    this.#machine.counters.retries++
    this.#begin(held.client, held.args, held.slot, held.resp, held.hop)
  }

  /** Answers the held replies whose deadline has passed; returns the others. */
  dropLate(held: HeldReply[]): HeldReply[] {
    const { now, options } = this.#machine
    if (held.every((reply) => reply.client.deadline > now)) return held
    for (const reply of held)
      if (reply.client.deadline <= now) {
        this.#machine.counters.timeouts++
        this.answer(
          reply.client,
          replyError(`TRYAGAIN pool "${options.pool}": a write of this key waits for its copies`),
        )
      }
    return held.filter((reply) => reply.client.deadline > now)
  }

  // — routing —

  #route(task: Waiting): void {
    const { view, counters, now, options } = this.#machine
    const { slot } = task
    const role = view.role[slot]
    if (role === SERVING) {
      this.#waiting.delete(task.id)
      this.#run(task.client, task.args, slot, task.resp, task.hop)
      return
    }
    if (role === CAMPAIGNING) return
    const target = this.#targetOf(slot)
    if (target === NOBODY || task.hop >= HOPS_MAX) {
      if (task.hop > 0) this.#declineTask(task)
      return
    }
    if (task.hop > 0) counters.relays++
    counters.forwards++
    task.target = target
    this.#machine.send(target, {
      t: 'c',
      id: task.id,
      h: task.hop + 1,
      m: Math.max(1, Math.min(task.client.deadline - now, options.commandTimeoutMs)),
      s: slot,
      r: task.resp,
      a: task.args,
    })
  }

  /** The member that serves; else one that can reach it; else one that may know more. */
  #targetOf(slot: number): number {
    const { view, campaigns } = this.#machine
    const claimant = view.claimant[slot] ?? NOBODY
    if (claimant !== SELF && view.isUp(claimant)) return claimant
    const relay = campaigns.relayOf(slot)
    if (view.isUp(relay)) return relay
    // This member is about to serve: nobody knows better.
    const desired = view.desired(slot)
    if (desired === SELF) return NOBODY
    if (desired !== NOBODY) return desired
    for (const member of view.order(slot)) if (member !== SELF && view.isUp(member)) return member
    return NOBODY
  }

  #declineTask(task: Waiting): void {
    this.#waiting.delete(task.id)
    this.#machine.counters.notOwner++
    const peer = this.#machine.view.peers[task.client.origin]
    if (peer?.session !== task.client.session) return
    this.#machine.send(task.client.origin, {
      t: 'o',
      id: task.client.token,
      c: this.#machine.campaigns.claimRow(task.slot),
    })
  }

  replied(from: number, message: ReplyMessage): void {
    const task = this.#waiting.get(message.id)
    if (task === undefined || task.target !== from) return
    this.#waiting.delete(task.id)
    this.answer(task.client, message.b)
  }

  notOwner(from: number, message: NotOwnerMessage): void {
    const task = this.#waiting.get(message.id)
    this.#machine.campaigns.hear(message.c)
    if (task === undefined || task.target !== from) return
    this.#retryLater(task)
  }

  #retryLater(task: Waiting): void {
    const { now, options, counters } = this.#machine
    counters.retries++
    task.target = NOBODY
    task.retryAt = now + options.tickMs
  }

  /** The link to a member broke: what was sent there may or may not have been run. */
  lost(member: number): void {
    for (const task of [...this.#waiting.values()]) {
      if (task.target !== member) continue
      if (task.access === 'read' || this.#machine.planted === 'retry-sent-write')
        this.#retryLater(task)
      else this.#unknown(task, `the link to ${this.#machine.view.nameOf(member)} broke`)
    }
  }

  #unknown(task: Waiting, reason: string): void {
    this.#waiting.delete(task.id)
    this.#machine.counters.unknownWrites++
    this.answer(
      task.client,
      replyError(
        `ERR the write may or may not have been applied: pool "${this.#machine.options.pool}": ${reason}`,
      ),
    )
  }

  #expire(task: Waiting): void {
    const { options, view, counters } = this.#machine
    counters.timeouts++
    if (task.target !== NOBODY && task.access === 'write') {
      this.#unknown(task, `no answer from ${view.nameOf(task.target)} in time`)
      return
    }
    this.#waiting.delete(task.id)
    const small =
      options.partitionPolicy === 'majority' && view.reachableCount() * 2 <= view.knownCount
    this.answer(
      task.client,
      small
        ? replyError(`CLUSTERDOWN pool "${options.pool}": this member reaches no majority`)
        : replyError(
            `TRYAGAIN pool "${options.pool}": no member serves slot ${task.slot} as far as this one can reach`,
          ),
    )
  }

  /** Time or claims moved: answers what is late, sends what can be sent. O(waiting commands). */
  review(): void {
    this.#stirred = false
    if (this.#waiting.size === 0) return
    const { now, view } = this.#machine
    for (const task of [...this.#waiting.values()]) {
      if (now >= task.client.deadline) this.#expire(task)
      else if (task.target === NOBODY) {
        if (task.retryAt <= now) this.#route(task)
      } else if (task.access === 'read' && !view.isUp(task.target)) this.#retryLater(task)
    }
  }
}

/** The router knows more commands than the store: who comes with one of those hears where it is served. */
export function unknownCommand(name: string): string {
  return `ERR unknown command '${name}': the embedded store does not have it; a pool with protocol redis does`
}
