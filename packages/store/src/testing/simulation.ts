import type { EntryTable } from '../core/entry-table.ts'
import type { PlantedBug, StoreOptions } from '../core/options.ts'
import type { StoreCounters } from '../core/status.ts'
import type { StoreMember } from '../core/store.ts'
import { Agenda } from './agenda.ts'
import { judge, type Operation, type Violation } from './history.ts'
import { LAN_TIMING, Network, type NetworkTiming } from './network.ts'
import { Process } from './process.ts'
import { Random } from './random.ts'

export interface SimulationOptions {
  readonly seed: number
  /** Members at the start. The first founds the cluster. */
  readonly members: number
  readonly replicas?: number
  /** Default 64: enough to spread, few enough to run hundreds of seeds. */
  readonly slotCount?: number
  /** Keys that hold values; half as many counters besides. Default 24. */
  readonly keys?: number
  /** Default 6. */
  readonly clients?: number
  /** Longest pause of a client between commands, ms. Default 12. */
  readonly thinkMaxMs?: number
  /** Longest difference of a clock from true time, ms. Default 400. */
  readonly skewMaxMs?: number
  readonly timing?: NetworkTiming
  readonly plantedBug?: PlantedBug
  readonly createTable: () => EntryTable
  readonly store?: Partial<StoreOptions>
}

export interface SimulationReport {
  readonly seed: number
  readonly violations: readonly Violation[]
  readonly operations: number
  /** Commands answered with an error or not at all. */
  readonly errors: number
  readonly counters: Readonly<StoreCounters>
  /** Fingerprint of everything that happened: equal seeds, equal traces. */
  readonly trace: string
}

/** When a member learns what happened to another, by gossip: ms. */
const JOIN_LAG: readonly [number, number] = [20, 900]
const RESTART_LAG: readonly [number, number] = [50, 1_500]
const DEATH_LAG: readonly [number, number] = [800, 3_500]
const EPOCH_MS = 1_700_000_000_000
const CLIENT_PATIENCE_MS = 4_000
const SAFETY_LOOK_MS = 60
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A cluster of machines on a virtual clock, with clients that write down what they see. A run is its seed and its script. */
export class Simulation {
  readonly agenda = new Agenda(EPOCH_MS)
  readonly random: Random
  readonly network: Network
  readonly processes = new Map<string, Process>()
  readonly operations: Operation[] = []
  readonly #options: SimulationOptions
  readonly #retired: StoreCounters[] = []
  readonly #everyProcess: Process[] = []
  readonly #misled: Violation[] = []
  /** Unsafe slots that a member called safe when last looked at. */
  #suspicious = new Set<string>()
  /** Members cut off from all: their clients are cut off with them. */
  readonly #isolated = new Set<string>()
  #trace = 0x811c9dc5
  #instances = 0
  #values = 0
  #loading = false
  errors = 0

  constructor(options: SimulationOptions) {
    this.#options = options
    this.random = new Random(options.seed)
    this.network = new Network(this.agenda, this.random, options.timing ?? LAN_TIMING)
    const names = Array.from({ length: options.members }, (_, i) => `m${i}`)
    for (const name of names) this.#start(name)
    const everyone = [...this.processes.values()].map((process) => memberOf(process, 'active'))
    this.processes.get('m0')?.found()
    for (const process of this.processes.values())
      for (const member of everyone) process.believe(member, member.name)
    this.advance(3_000)
    this.#watchSafety()
  }

  get now(): number {
    return this.agenda.now
  }

  /**
   * Whoever reports `safe` must be right about the owners of what it serves; word of a change may be under way for less
   * than the interval of these looks.
   */
  #watchSafety(): void {
    const suspicious = new Set<string>()
    for (const process of this.processes.values()) {
      if (!process.alive || !process.running || this.#isolated.has(process.name)) continue
      if (!process.store.status().safe) continue
      for (const slot of servedBy(process, this.#options.slotCount ?? 64))
        for (const owner of process.store.ownersOf(slot)) {
          const other = this.processes.get(owner)
          if (other?.alive === true && other.store.holds(slot)) continue
          const key = `${process.name} ${process.instance} ${slot} ${owner} ${other?.instance}`
          suspicious.add(key)
          if (!this.#suspicious.has(key)) continue
          this.#misled.push({ rule: 'called safe and is not', key: `slot ${slot}`, detail: key })
        }
    }
    this.#suspicious = suspicious
    this.agenda.after(SAFETY_LOOK_MS, () => this.#watchSafety())
  }

  advance(ms: number): this {
    this.agenda.runUntil(this.agenda.now + ms)
    return this
  }

  /** Advances until the cluster is whole again, at most `ms`. True if it is. */
  settle(ms: number): boolean {
    const until = this.now + ms
    while (this.now < until) {
      if (this.isWhole()) return true
      this.advance(50)
    }
    return this.isWhole()
  }

  #lag([min, max]: readonly [number, number]): number {
    return this.random.between(min, max)
  }

  #note(kind: string, from: string, to: string): void {
    const text = `${kind} ${from} ${to} ${this.agenda.now}`
    for (let i = 0; i < text.length; i++)
      this.#trace = Math.imul(this.#trace ^ text.charCodeAt(i), 0x01000193)
  }

  #start(name: string): Process {
    const { createTable, plantedBug, slotCount, replicas, store, skewMaxMs } = this.#options
    const own = new Random(this.random.below(2 ** 31))
    const skew = skewMaxMs ?? 400
    const process = new Process(this.agenda, this.network, {
      store: {
        name,
        instance: `i${++this.#instances}`,
        table: createTable(),
        random: (bound) => own.below(bound),
        slotCount: slotCount ?? 64,
        replicas: replicas ?? 2,
        repairIntervalMs: 3_000,
        ...store,
        ...(plantedBug === undefined ? {} : { plantedBug }),
      },
      skewMs: this.random.between(-skew, skew),
      note: (kind, from, to) => this.#note(kind, from, to),
    })
    this.processes.set(name, process)
    this.#everyProcess.push(process)
    process.start()
    return process
  }

  // — faults —

  kill(name: string): void {
    const process = this.#process(name)
    this.#retired.push(process.store.status().counters)
    process.kill()
    for (const other of this.#others(name))
      this.agenda.after(this.#lag(DEATH_LAG), () => {
        // Gossip never declares dead who is back.
        if (this.processes.get(name) === process && !process.alive) other.believe(undefined, name)
      })
  }

  /** The same name, another instance, nothing in memory. */
  restart(name: string): void {
    const process = this.#start(name)
    this.#introduce(process, RESTART_LAG)
  }

  killAndRestart(name: string, afterMs: number): void {
    this.kill(name)
    this.agenda.after(afterMs, () => this.restart(name))
  }

  join(name: string): void {
    this.#introduce(this.#start(name), JOIN_LAG)
  }

  #introduce(process: Process, lag: readonly [number, number]): void {
    const self = memberOf(process, 'active')
    process.believe(self, process.name)
    for (const other of this.#others(process.name)) {
      this.agenda.after(this.#lag(lag), () => {
        if (process.alive) other.believe(self, process.name)
      })
      if (!other.alive) continue
      this.agenda.after(this.#lag([5, 200]), () => {
        if (other.alive) process.believe(memberOf(other, 'active'), other.name)
      })
    }
  }

  /** Drains, and stops when everything is handed over or `patienceMs` have passed. */
  leave(name: string, patienceMs: number): void {
    const process = this.#process(name)
    const draining = memberOf(process, 'draining')
    process.believe(draining, name)
    for (const other of this.#others(name))
      this.agenda.after(this.#lag(JOIN_LAG), () => other.believe(draining, name))
    const until = this.now + patienceMs
    const check = (): void => {
      if (!process.alive) return
      if (!process.store.handedOver() && this.now < until) {
        this.agenda.after(50, check)
        return
      }
      this.#retired.push(process.store.status().counters)
      process.kill()
      this.processes.delete(name)
      for (const other of this.processes.values())
        this.agenda.after(this.#lag(JOIN_LAG), () => other.believe(undefined, name))
    }
    this.agenda.after(1_000, check)
  }

  /** Stops the process without killing it; the others give its links up after a while. */
  pause(name: string, forMs: number): void {
    const process = this.#process(name)
    process.pause()
    for (const other of this.#others(name))
      this.agenda.after(this.random.between(1_700, 3_000), () => {
        if (!process.running && process.alive) this.network.giveUp(other.name, name)
      })
    this.agenda.after(forMs, () => process.resume())
  }

  cut(a: string, b: string, forMs: number): void {
    this.network.cut(a, b)
    this.agenda.after(forMs, () => this.network.heal(a, b))
  }

  /** Cuts a member off from all others and from its clients. */
  isolate(name: string, forMs: number): void {
    this.#isolated.add(name)
    for (const other of this.#others(name)) this.cut(name, other.name, forMs)
    // Clients find their way back some time after the members do.
    this.agenda.after(forMs + 3_000, () => this.#isolated.delete(name))
  }

  #process(name: string): Process {
    const process = this.processes.get(name)
    if (process === undefined) throw new Error(`no member ${name}`)
    return process
  }

  #others(name: string): Process[] {
    return [...this.processes.values()].filter((process) => process.name !== name)
  }

  // — clients —

  /** Clients work until `stop`. */
  load(): this {
    this.#loading = true
    for (let i = 0; i < (this.#options.clients ?? 6); i++) this.#client()
    return this
  }

  stop(): this {
    this.#loading = false
    return this
  }

  #client(): void {
    if (!this.#loading) return
    this.agenda.after(this.random.between(0, this.#options.thinkMaxMs ?? 12), () => {
      let process = this.random.pick(this.#usable())
      // A suspended process still has its connections: what is sent there runs when it is resumed.
      if (process?.running === false && this.random.next() < 0.7)
        process = this.random.pick(this.#usable().filter((other) => other.running))
      if (process === undefined) this.#client()
      else this.#command(process, () => this.#client())
    })
  }

  #usable(): Process[] {
    return [...this.processes.values()].filter(
      (process) => process.alive && !this.#isolated.has(process.name),
    )
  }

  #command(process: Process, next: () => void): void {
    const keys = this.#options.keys ?? 24
    const chance = this.random.next()
    const key = `key:${this.random.below(keys)}`
    if (chance < 0.5) this.#read(process, key, next)
    else if (chance < 0.75) {
      const value = `v${++this.#values}`
      this.#run(process, ['SET', key, value], 'write', key, value, next)
    } else if (chance < 0.8) this.#run(process, ['DEL', key], 'write', key, undefined, next)
    else {
      const counter = `count:${this.random.below(Math.ceil(keys / 2))}`
      if (chance < 0.88) this.#read(process, counter, next)
      else this.#run(process, ['INCR', counter], 'increment', counter, undefined, next)
    }
  }

  #read(process: Process, key: string, next: () => void): void {
    this.#run(process, ['GET', key], 'read', key, undefined, next)
  }

  #run(
    process: Process,
    words: readonly string[],
    kind: Operation['kind'],
    key: string,
    value: string | undefined,
    next: () => void,
  ): void {
    const operation: Operation = {
      key,
      kind,
      via: process.name,
      start: this.agenda.now,
      end: Number.POSITIVE_INFINITY,
      value,
      status: 'pending',
    }
    this.operations.push(operation)
    let over = false
    const finish = (reply: string | undefined): void => {
      if (over) return
      over = true
      const heard = reply !== undefined && !this.#isolated.has(process.name)
      complete(operation, heard ? reply : undefined, this.agenda.now)
      if (operation.status !== 'done') this.errors++
      this.#note(operation.status, key, operation.value ?? '')
      next()
    }
    this.agenda.after(CLIENT_PATIENCE_MS, () => finish(undefined))
    process.execute(
      words.map((word) => encoder.encode(word)),
      1,
      (reply) => finish(decoder.decode(reply)),
    )
  }

  // — judgement —

  /** Every owner holds everything, copies are equal, nobody else has anything, every slot is served by one. */
  isWhole(): boolean {
    return this.unsettled().length === 0
  }

  /** What keeps the cluster from being whole, member by member. */
  unsettled(): string[] {
    const reasons: string[] = []
    for (const process of this.processes.values()) {
      if (!process.alive) continue
      const status = process.store.status()
      const { filling, promoting, leftOver, underReplicated, unserved, pendingWrites } = status
      const open = { filling, promoting, leftOver, underReplicated, unserved, pendingWrites }
      if (Object.values(open).some((count) => count > 0) || !status.safe)
        reasons.push(`${process.name} ${JSON.stringify(open)}`)
    }
    return reasons
  }

  /** Reads every key through every member, then judges the history. */
  finish(): SimulationReport {
    this.stop()
    this.advance(CLIENT_PATIENCE_MS + 100)
    const violations: Violation[] = []
    if (!this.settle(20_000))
      violations.push({ rule: 'not whole again', key: '', detail: this.unsettled().join('; ') })
    const keys = this.#options.keys ?? 24
    const first = this.operations.length
    for (const process of this.#usable()) {
      for (let i = 0; i < keys; i++) this.#read(process, `key:${i}`, () => undefined)
      for (let i = 0; i < Math.ceil(keys / 2); i++)
        this.#read(process, `count:${i}`, () => undefined)
    }
    this.advance(CLIENT_PATIENCE_MS + 100)
    for (const { status, key, via } of this.operations.slice(first))
      if (status !== 'done') violations.push({ rule: 'unreadable', key, detail: `via ${via}` })
    violations.push(...this.#judgeCopies(), ...judge(this.operations), ...this.#misled)
    for (const process of this.#everyProcess) violations.push(...process.rules.violations)
    return {
      seed: this.#options.seed,
      violations,
      operations: this.operations.length,
      errors: this.errors,
      counters: this.counters(),
      trace: (this.#trace >>> 0).toString(16).padStart(8, '0'),
    }
  }

  #judgeCopies(): Violation[] {
    const violations: Violation[] = []
    const primaries = new Map<number, string>()
    const slots = this.#options.slotCount ?? 64
    for (let slot = 0; slot < slots; slot++)
      for (const process of this.processes.values()) {
        if (!process.alive) continue
        const primary = process.store.primaryOf(slot) ?? 'nobody'
        const known = primaries.get(slot)
        if (known !== undefined && known !== primary)
          violations.push({
            rule: 'two primaries',
            key: `slot ${slot}`,
            detail: `${known} and, for ${process.name}, ${primary}`,
          })
        primaries.set(slot, primary)
      }
    return violations
  }

  counters(): StoreCounters {
    const live = [...this.processes.values()]
      .filter((process) => process.alive)
      .map((process) => process.store.status().counters)
    return sumCounters([...this.#retired, ...live])
  }
}

export function sumCounters(all: readonly Readonly<StoreCounters>[]): StoreCounters {
  const total: Record<string, number> = {}
  for (const counters of all)
    for (const [name, count] of Object.entries(counters)) total[name] = (total[name] ?? 0) + count
  return total as unknown as StoreCounters
}

const servedBy = (process: Process, slotCount: number): number[] =>
  Array.from({ length: slotCount }, (_, slot) => slot).filter(
    (slot) => process.store.primaryOf(slot) === process.name,
  )

const memberOf = (process: Process, state: StoreMember['state']): StoreMember => ({
  name: process.name,
  instance: process.instance,
  state,
})

/** Reads the reply: an error that says "may or may not" leaves a write unknown, any other error means not applied. */
function complete(operation: Operation, reply: string | undefined, now: number): void {
  if (reply?.startsWith('-') === true) {
    operation.status =
      operation.kind !== 'read' && reply.includes('may or may not') ? 'unknown' : 'failed'
    return
  }
  if (reply === undefined) {
    operation.status = operation.kind === 'read' ? 'failed' : 'unknown'
    return
  }
  operation.status = 'done'
  operation.end = now
  if (operation.kind === 'increment') operation.value = reply.slice(1, -2)
  else if (operation.kind === 'read')
    operation.value = reply.startsWith('$-1') ? undefined : reply.slice(reply.indexOf('\n') + 1, -2)
}
