import { xxh32 } from '@ringway/ring'
import type { Client } from './commands.ts'
import { matchesGlob } from './glob.ts'
import type { Machine } from './machine.ts'
import type { GatherMessage, ShareMessage } from './messages.ts'
import { KEYS_REPLY_MAX } from './options.ts'
import {
  asciiOf,
  REPLY_NULL,
  REPLY_OK,
  replyArray,
  replyBulk,
  replyError,
  replyInteger,
} from './replies.ts'
import { SELF, SERVING } from './view.ts'

const NO_BYTES = new Uint8Array(0)
const NAME_SHOWN_MAX = 128
const SCAN_COUNT_DEFAULT = 10
const SCAN_COUNT_MAX = 100_000
/** Empty slots that one SCAN passes over; it then answers with what it has, perhaps nothing. */
const SCAN_SLOTS_MAX = 4_096
/** Questions to all members under way at one time. */
export const GATHERS_MAX = 1_024
/** Keys of a slot that one SCAN answers with at most, about. */
const SCAN_PART_KEYS = 1_024
const SCAN_PART_BITS_MAX = 20
const KEYS_BYTES_MAX = 64 * 1024 * 1024

type Operation = GatherMessage['op']

interface Gather {
  readonly client: Client
  readonly operation: Operation
  readonly resp: 2 | 3
  readonly waiting: Set<number>
  readonly keys: Uint8Array[]
  total: number
  failed: boolean
}

const WORDS: Readonly<Record<string, Operation>> = {
  DBSIZE: 'size',
  FLUSHALL: 'flush',
  FLUSHDB: 'flush',
  KEYS: 'keys',
  RANDOMKEY: 'random',
}

/**
 * Commands without a key. Every member answers for the slots that it serves; SCAN walks slot by slot, its cursor says
 * where (`part of the slot × slots + slot`). None of them is a snapshot: what moves meanwhile may be missed or met twice.
 */
export class Gathers {
  readonly #machine: Machine
  readonly #gathers = new Map<number, Gather>()

  constructor(machine: Machine) {
    this.#machine = machine
  }

  get size(): number {
    return this.#gathers.size
  }

  /** Answers or starts the command; returns the slot of a SCAN, which is routed like a read. */
  execute(client: Client, args: readonly Uint8Array[], resp: 2 | 3): number | undefined {
    const name = asciiOf(args[0] ?? NO_BYTES, NAME_SHOWN_MAX).toUpperCase()
    const { commands, options, view } = this.#machine
    if (name === 'SCAN') {
      const cursor = Number(asciiOf(args[1] ?? NO_BYTES, 20))
      if (Number.isSafeInteger(cursor) && cursor >= 0) return cursor % view.slotCount
      commands.answer(client, replyError('ERR invalid cursor'))
      return undefined
    }
    const operation = WORDS[name]
    if (operation === undefined)
      commands.answer(client, replyError(`ERR unknown command '${name}'`))
    else if (
      operation === 'keys' ? args.length !== 2 : args.length > (operation === 'flush' ? 2 : 1)
    )
      commands.answer(
        client,
        replyError(`ERR wrong number of arguments for '${name.toLowerCase()}' command`),
      )
    else if (this.#gathers.size >= GATHERS_MAX)
      commands.answer(client, replyError(`ERR pool "${options.pool}": too many pending commands`))
    else this.#start(client, operation, args[1] ?? NO_BYTES, resp)
    return undefined
  }

  #start(client: Client, operation: Operation, pattern: Uint8Array, resp: 2 | 3): void {
    const { view, now } = this.#machine
    const id = this.#machine.nextId()
    const gather: Gather = {
      client,
      operation,
      resp,
      waiting: new Set([SELF]),
      keys: [],
      total: 0,
      failed: false,
    }
    this.#gathers.set(id, gather)
    for (const peer of view.peers) {
      if (peer.index === SELF || !peer.up) continue
      gather.waiting.add(peer.index)
      this.#machine.send(peer.index, {
        t: 'q',
        id,
        op: operation,
        m: client.deadline - now,
        p: pattern,
      })
    }
    this.#work(operation, pattern, client.deadline, (share) =>
      this.#take(SELF, { ...share, t: 'share', id }),
    )
  }

  /** Another member's question. */
  asked(from: number, message: GatherMessage): void {
    const { view, now, options } = this.#machine
    const session = view.peers[from]?.session ?? 0
    const deadline = now + Math.min(Math.max(0, message.m), options.commandTimeoutMs)
    this.#work(message.op, message.p, deadline, (share) => {
      if (view.peers[from]?.session === session)
        this.#machine.send(from, { ...share, t: 'share', id: message.id })
    })
  }

  #work(
    operation: Operation,
    pattern: Uint8Array,
    deadline: number,
    done: (share: Omit<ShareMessage, 't' | 'id'>) => void,
  ): void {
    switch (operation) {
      case 'size':
        done({ ok: 1, n: this.#size(), ks: [] })
        return
      case 'keys':
        done(this.#keys(pattern))
        return
      case 'random':
        done(this.#random())
        return
      case 'flush':
        this.#flush(deadline, (ok) => done({ ok: ok ? 1 : 0, n: 0, ks: [] }))
        return
    }
  }

  *#served(): Generator<number> {
    const { view } = this.#machine
    for (let slot = 0; slot < view.slotCount; slot++) if (view.role[slot] === SERVING) yield slot
  }

  #size(): number {
    let total = 0
    for (const slot of this.#served()) total += this.#machine.entries.table.slotLiveCount(slot)
    return total
  }

  #isShown(handle: number): boolean {
    const { table } = this.#machine.entries
    if (table.isRemoved(handle)) return false
    const expireAt = table.expireAtOf(handle)
    return expireAt === 0 || expireAt > this.#machine.now
  }

  #keys(pattern: Uint8Array): Omit<ShareMessage, 't' | 'id'> {
    const { entries } = this.#machine
    const keys: Uint8Array[] = []
    let bytes = 0
    for (const slot of this.#served()) {
      if (entries.table.slotLiveCount(slot) === 0) continue
      entries.forEach(slot, (handle) => {
        const key = entries.table.keyOf(handle)
        if (!this.#isShown(handle) || !matchesGlob(pattern, key)) return
        bytes += key.length
        if (keys.length <= KEYS_REPLY_MAX && bytes <= KEYS_BYTES_MAX) keys.push(key.slice())
      })
      if (keys.length > KEYS_REPLY_MAX || bytes > KEYS_BYTES_MAX) return { ok: 0, n: 0, ks: [] }
    }
    return { ok: 1, n: keys.length, ks: keys }
  }

  /** One key, and how many there are, so that the asker can choose among members in proportion. */
  #random(): Omit<ShareMessage, 't' | 'id'> {
    const { entries, options } = this.#machine
    const served = [...this.#served()].filter((slot) => entries.table.slotLiveCount(slot) > 0)
    const slot = served[served.length === 0 ? 0 : options.random(served.length)]
    if (slot === undefined) return { ok: 1, n: 0, ks: [] }
    const shown: Uint8Array[] = []
    entries.forEach(slot, (handle) => {
      if (this.#isShown(handle)) shown.push(entries.table.keyOf(handle).slice())
    })
    const key = shown[shown.length === 0 ? 0 : options.random(shown.length)]
    return { ok: 1, n: this.#size(), ks: key === undefined ? [] : [key] }
  }

  #flush(deadline: number, done: (ok: boolean) => void): void {
    const { entries, writes } = this.#machine
    const slots = [...this.#served()].filter((slot) => entries.table.slotSize(slot) > 0)
    let left = slots.length
    let ok = true
    if (left === 0) {
      done(true)
      return
    }
    const client: Client = {
      origin: SELF,
      token: 0,
      session: 0,
      deadline,
      done: (reply) => {
        // An error text in place of the empty reply of a flush that has its copies.
        if (reply.length > 0) ok = false
        if (--left === 0) done(ok)
      },
    }
    for (const slot of slots) writes.flush(slot, client)
  }

  share(from: number, message: ShareMessage): void {
    this.#take(from, message)
  }

  #take(from: number, message: ShareMessage): void {
    const gather = this.#gathers.get(message.id)
    if (gather === undefined || !gather.waiting.delete(from)) return
    if (message.ok === 0) gather.failed = true
    if (gather.operation === 'random') this.#choose(gather, message)
    else {
      gather.total += message.n
      if (gather.keys.length + message.ks.length > KEYS_REPLY_MAX) gather.failed = true
      else for (const key of message.ks) gather.keys.push(key)
    }
    if (gather.waiting.size > 0) return
    this.#gathers.delete(message.id)
    this.#machine.commands.answer(gather.client, this.#reply(gather))
  }

  #choose(gather: Gather, message: ShareMessage): void {
    const key = message.ks[0]
    if (key === undefined || message.n < 1) return
    gather.total += message.n
    if (this.#machine.options.random(gather.total) < message.n) gather.keys[0] = key
  }

  #reply(gather: Gather): Uint8Array {
    if (gather.failed) return this.#incomplete(gather.operation)
    switch (gather.operation) {
      case 'size':
        return replyInteger(gather.total)
      case 'flush':
        return REPLY_OK
      case 'keys':
        return replyArray(gather.keys.map(replyBulk))
      case 'random': {
        const key = gather.keys[0]
        return key === undefined ? REPLY_NULL[gather.resp] : replyBulk(key)
      }
    }
  }

  #incomplete(operation: Operation): Uint8Array {
    const { pool } = this.#machine.options
    if (operation === 'flush')
      return replyError(`ERR the flush may or may not have been applied everywhere: pool "${pool}"`)
    if (operation === 'keys')
      return replyError(
        `ERR pool "${pool}": more than ${KEYS_REPLY_MAX} keys or no answer; use SCAN`,
      )
    return replyError(`TRYAGAIN pool "${pool}": a member did not answer`)
  }

  lost(member: number): void {
    for (const [id, gather] of [...this.#gathers])
      if (gather.waiting.has(member)) this.#take(member, { t: 'share', id, ok: 0, n: 0, ks: [] })
  }

  review(): void {
    const { now, counters, commands } = this.#machine
    for (const [id, gather] of [...this.#gathers]) {
      if (now < gather.client.deadline) continue
      counters.timeouts++
      this.#gathers.delete(id)
      commands.answer(gather.client, this.#incomplete(gather.operation))
    }
  }

  // — SCAN —

  /** `SCAN cursor [MATCH pattern] [COUNT n] [TYPE t]` at the member that serves the cursor's slot. */
  scan(args: readonly Uint8Array[], slot: number): Uint8Array {
    const cursor = Number(asciiOf(args[1] ?? NO_BYTES, 20))
    let pattern: Uint8Array | undefined
    let count = SCAN_COUNT_DEFAULT
    let strings = true
    for (let i = 2; i < args.length; i += 2) {
      const option = asciiOf(args[i] ?? NO_BYTES, NAME_SHOWN_MAX).toUpperCase()
      const value = args[i + 1]
      if (value === undefined) return replyError('ERR syntax error')
      if (option === 'MATCH') pattern = value
      else if (option === 'TYPE') strings = asciiOf(value, 16).toLowerCase() === 'string'
      else if (option === 'COUNT') {
        count = Number(asciiOf(value, 20))
        if (!Number.isSafeInteger(count))
          return replyError('ERR value is not an integer or out of range')
        if (count < 1) return replyError('ERR syntax error')
        count = Math.min(count, SCAN_COUNT_MAX)
      } else return replyError('ERR syntax error')
    }
    return this.#walk(
      cursor,
      slot,
      count,
      (key) => strings && (pattern === undefined || matchesGlob(pattern, key)),
    )
  }

  /**
   * Whole slots until `count` keys were seen; a large slot in parts, chosen by a hash of the key, so that the cursor
   * stays a small number and says the same at another member and after the slot has grown.
   */
  #walk(
    cursor: number,
    slot: number,
    count: number,
    wanted: (key: Uint8Array) => boolean,
  ): Uint8Array {
    const { view, entries } = this.#machine
    const keys: Uint8Array[] = []
    let seen = 0
    let at = slot
    let bits = Math.floor(cursor / view.slotCount) % 32
    let part = Math.floor(cursor / view.slotCount / 32)
    for (let slots = 0; slots < SCAN_SLOTS_MAX && at < view.slotCount && seen < count; slots++) {
      if (view.role[at] !== SERVING) break
      if (part === 0) bits = partBits(entries.table.slotSize(at))
      entries.forEach(at, (handle) => {
        const key = entries.table.keyOf(handle)
        if (bits > 0 && partOf(key, bits) !== part) return
        seen++
        if (this.#isShown(handle) && wanted(key)) keys.push(replyBulk(key))
      })
      if (++part < 2 ** bits) continue
      part = 0
      bits = 0
      at++
    }
    const next = at >= view.slotCount ? 0 : (part * 32 + bits) * view.slotCount + at
    return replyArray([replyBulk(asciiBytes(String(next))), replyArray(keys)])
  }
}

/** The number of bits that cut a slot of this size into parts of about `SCAN_PART_KEYS`. */
function partBits(size: number): number {
  let bits = 0
  while (bits < SCAN_PART_BITS_MAX && size > SCAN_PART_KEYS * 2 ** bits) bits++
  return bits
}

function partOf(key: Uint8Array, bits: number): number {
  return xxh32(key) >>> (32 - bits)
}

const encoder = new TextEncoder()
const asciiBytes = (text: string): Uint8Array => encoder.encode(text)
