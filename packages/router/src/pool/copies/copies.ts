import { DECODED, RequestDecoder } from '../../codec/resp/request-decoder.ts'
import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import { findKeys } from '../../plan/command-keys.ts'
import type { RoutedCommand } from '../../plan/routed-command.ts'
import type { Backend } from '../backend.ts'
import type { Request } from '../request.ts'
import { LostAsk } from './ask.ts'
import type { CopiesHost, CopiesTools } from './copies-host.ts'
import type { CommandRead, Copying, RunPart } from './copying.ts'
import { type HeldCommand, KeyLocks } from './key-locks.ts'
import { type Listing, listingOf } from './listing.ts'
import { acksNeeded, type CopyPolicy } from './policy.ts'
import { ReadChoice } from './read-choice.ts'
import { Repairs } from './repairs.ts'
import { ReplicatedWrite, type WriteHost } from './replicated-write.ts'
import { type SharedKeys, Sharing } from './shared-keys.ts'
import { standInFor } from './stale-keys.ts'
import { StaleSet } from './stale-set.ts'
import { type WarmHost, WarmRead } from './warm-read.ts'

/** Backends for the keys of one command, by what they can do. */
interface Owners {
  /** The owners that run it; or, when none can, the first backend after them that can. */
  readonly targets: readonly Backend[]
  /** Owners, and those before the target, that cannot: they miss it. */
  readonly missing: readonly Backend[]
  /** Others that can be reached, in the order of the ring. */
  readonly spares: readonly Backend[]
}

/**
 * Keeps the copies of a pool's keys equal, and its clients away from old ones. It runs the commands for which the first owner
 * alone does not decide: all writes of a pool with replicas, and every command while a backend is lost or has stale keys.
 *
 *   write ─► owners that can ─► their replies agree? ─ no ─► the key is stale there ─► copied again (Repairs)
 *                └► owners that cannot: the key is stale there
 *   read  ─► the first owner where the key is not stale
 */
export class Copies implements WriteHost, WarmHost {
  readonly #host: CopiesHost
  readonly #tools: CopiesTools
  readonly #copying: Copying
  readonly #locks: KeyLocks
  readonly #repairs: Repairs
  readonly #stale: StaleSet
  readonly #reads: ReadChoice
  /** They serve again, and have not got all their keys yet. */
  readonly #catchingUp = new Set<Backend>()
  #policy: CopyPolicy

  constructor(host: CopiesHost, policy: CopyPolicy, zone: string | undefined, tools: CopiesTools) {
    this.#host = host
    this.#policy = policy
    this.#tools = tools
    this.#copying = tools.protocol.createCopying(tools.limits)
    this.#locks = new KeyLocks((held) => this.#runHeld(held))
    const sharing = new Sharing(host.name, tools.turn, tools.share)
    this.#repairs = new Repairs(host, tools, this.#copying, this.#locks, sharing)
    this.#stale = new StaleSet(host, tools, this.#copying.listing, sharing, this.#repairs)
    this.#stale.follow(policy)
    this.#reads = new ReadChoice(zone)
  }

  /** Takes the policy of a newer topology. */
  follow(policy: CopyPolicy): void {
    this.#policy = policy
    this.#stale.follow(policy)
  }

  /** True when the first owner may run the command without more ado, its keys being up to date there. Hot. */
  isSimple(command: RoutedCommand, place: number): boolean {
    if (this.#host.replicas === 1) return true
    return (
      command.access === 'read' &&
      this.#policy.read === 'primary' &&
      !this.#policy.warmUp &&
      !this.#locks.blocks(place)
    )
  }

  run(request: Request, frame: RequestFrame, keyIndex: number, stable: boolean): void {
    const { command } = request
    const copying = this.#copying
    if (this.#mustSplit(command)) {
      const { placement } = this.#host
      const split = copying.runByKey(request, frame, placement, (part, own, at) =>
        this.run(part, own, at, true),
      )
      if (split) return
    }
    const keys = copying.keysOf(command, frame, keyIndex)
    // Asked last, so that the place's further owners are those of this key.
    request.position = copying.placeOf(frame, keyIndex, this.#host.placement)
    if (this.#failOver(request, keys, frame)) return
    if (command.access === 'read') this.#read(request, keys, frame, stable)
    else this.#write(request, keys, frame, stable)
  }

  /** To another pool, when all owners are lost: what is written there is missed here. */
  #failOver(request: Request, keys: readonly string[], frame: RequestFrame): boolean {
    // Commands that came before it wait for this place.
    if (this.#locks.blocks(request.position)) return false
    const owners = this.#host.failOver(request, frame.bytes, frame.start, frame.end)
    if (owners !== undefined && request.command.access === 'write')
      for (const owner of owners) this.missed(owner, keys)
    return owners !== undefined
  }

  /** Runs a command again whose backend was lost before it answered. */
  again(request: Request, bytes: Buffer, start: number, end: number): void {
    const read = this.#copying.read(request.command, bytes, start, end)
    if (read === undefined) this.#host.giveAtPlace(request, bytes, start, end, true)
    else this.run(request, read.frame, read.keyIndex, true)
  }

  /** Keys that a command on a private connection writes; unless all are asked for, none when no other backend has to hear of it. */
  keysWritten(
    { command }: Request,
    bytes: Buffer,
    start: number,
    end: number,
    all: boolean,
  ): readonly string[] {
    if (!('keys' in command) || command.access === 'read' || command.keys.type === 'none') return []
    if (!all && this.#host.replicas === 1 && this.#host.backends.every(({ clear }) => clear))
      return []
    const decoder = new RequestDecoder(this.#tools.limits)
    if (decoder.next(bytes, start, end) !== DECODED.frame) return []
    const { frame } = decoder
    const found = findKeys(command.keys, frame, command.name)
    return found.type === 'error'
      ? []
      : found.indexes.map((at) => frame.bytes.toString('latin1', frame.from(at), frame.to(at)))
  }

  /** Keys were written at one backend alone: other owners get copies. With `lost` nobody knows what it has. */
  wroteAt(backend: Backend, keys: readonly string[], lost: boolean): void {
    const { replicas, placement } = this.#host
    for (const key of keys) {
      const bytes = Buffer.from(key, 'latin1')
      const place = placement.positionOf(bytes, 0, bytes.length)
      const ranks = this.#host.ranksAt(place, this.#host.backends.length)
      const rank = ranks.indexOf(backend)
      if (lost && replicas > 1) this.missed(backend, [key])
      else
        for (const [i, other] of ranks.entries())
          if (other !== backend && (i < replicas || i < rank)) this.missed(other, [key])
    }
  }

  /** @see Copying.read */
  read(command: RoutedCommand, bytes: Buffer, start: number, end: number): CommandRead | undefined {
    return this.#copying.read(command, bytes, start, end)
  }

  /** @see Copying.keysOf */
  keysOf({ command }: Request, frame: RequestFrame, keyIndex: number): readonly string[] {
    return this.#copying.keysOf(command, frame, keyIndex)
  }

  /** @see Copying.runByKey */
  runByKey(request: Request, frame: RequestFrame, run: RunPart): boolean {
    return this.#copying.runByKey(request, frame, this.#host.placement, run)
  }

  /**
   * A command may have been run at some owners of its keys and not at others: the first one's copies are given to them. It may share
   * the decoder of {@link read}: it is called when the link to another router breaks, never while a command that was read is
   * on its way through here, and has its keys before it does anything that could read another one. {@link keysWritten} is
   * different: a connection of a client's own asks it in the middle of a command.
   */
  maybeWritten({ command }: Request, bytes: Buffer): void {
    const read = this.#copying.read(command, bytes, 0, bytes.length)
    if (read === undefined) return
    for (const key of this.#copying.keysOf(command, read.frame, read.keyIndex)) {
      const name = Buffer.from(key, 'latin1')
      const place = this.#host.placement.positionOf(name, 0, name.length)
      const [first] = this.#ownersOf(place, [key]).targets
      if (first !== undefined) this.wroteAt(first, [key], false)
    }
  }

  /** Resolves when all writes that are under way now are over. */
  async writesEnded(): Promise<void> {
    await this.#locks.allReleased()
  }

  /** Gets a place for itself once its writes are over; answers with what gives it back. */
  async enter(place: number): Promise<() => void> {
    await this.#locks.enter(place)
    return () => this.#locks.leave(place)
  }

  /** A command that every backend runs could not be given to this one: FLUSHALL is made up for, others are not. */
  missedAll(backend: Backend): void {
    this.#stale.markWhole(backend, 'flush')
  }

  missed(backend: Backend, keys: readonly string[]): void {
    for (const key of keys) this.#stale.mark(backend, key)
    this.#repairs.wake(backend)
  }

  bringUp(backend: Backend, keys: readonly string[], done: (done: boolean) => void): void {
    let open = keys.length
    let well = true
    const one = (ok: boolean): void => {
      well &&= ok
      open--
      if (open === 0) done(well)
    }
    for (const key of keys) {
      const entry = this.#stale.mark(backend, key)
      if (entry === undefined) one(false)
      else {
        entry.wanted = true
        entry.waiters ??= []
        entry.waiters.push(one)
        for (const owner of this.#host.backends) {
          const missing = owner.stale.get(key)
          if (missing !== undefined && owner !== backend) standInFor(missing, backend.id)
        }
      }
    }
    this.#repairs.wake(backend)
  }

  /** @see WarmRead */
  readAgain(whole: Request, bytes: Buffer): void {
    this.writeAgain(whole, bytes)
  }

  isCold(owner: Backend, warm: Backend, keys: readonly string[]): void {
    for (const key of keys) this.#repairs.warm(owner, warm, key).catch(lostMeanwhile)
  }

  writeAgain(whole: Request, bytes: Buffer): void {
    if (whole.failures > this.#tools.limits.failoverAttemptsMax)
      this.#host.fail(whole, 'NO_BACKEND', 'too many backends failed one after the other')
    else this.#host.runAgain(whole, bytes, 0, bytes.length)
  }

  writeFailed(whole: Request, code: string, text: string): void {
    this.#host.fail(whole, code, text)
  }

  writeEnded(place: number): void {
    this.#locks.release(place)
  }

  /** The backend can be reached again: its late commands are ended, and it is looked at before it serves. */
  async readmit(backend: Backend): Promise<void> {
    try {
      await this.#copying.endGhosts(backend, backend.takeGhosts())
      this.#stale.ghostsGone(backend)
      if (this.#host.replicas > 1 && this.#policy.onReturn !== 'serve')
        await this.#stale.checkRun(backend)
    } catch (error) {
      if (error instanceof LostAsk) return
      throw error
    }
    backend.stale.ignoring = false
    if (!backend.stale.none) this.#catchingUp.add(backend)
    backend.admit()
    this.#repairs.wake(backend)
  }

  avoided(backend: Backend): void {
    this.#catchingUp.delete(backend)
    this.#stale.avoided(backend)
  }

  /** Who reports which keys now. */
  listing(): Listing {
    for (const backend of this.#catchingUp) if (backend.stale.none) this.#catchingUp.delete(backend)
    return listingOf(this.#host, (backend) => this.#catchingUp.has(backend))
  }

  tick(): void {
    this.#stale.tick()
    for (const backend of this.#host.backends) this.#repairs.wake(backend)
  }

  /** Takes what another router tells. */
  take(router: string, message: SharedKeys): void {
    this.#stale.take(router, message)
  }

  /** What a router that was not there has to know. */
  snapshot(): readonly SharedKeys[] {
    return this.#stale.snapshot()
  }

  /** Another router is gone: what it would have brought up to date is ours. */
  routerGone(router: string): void {
    this.#stale.routerGone(router)
  }

  close(): void {
    this.#repairs.close()
    for (const { request } of this.#locks.clear())
      this.#host.fail(request, 'REMOVED', 'the pool was closed')
  }

  /** The keys of a part have one first owner, but not the same further ones: each goes its own way. */
  #mustSplit({ access }: RoutedCommand): boolean {
    return access !== 'read' || this.#host.backends.some((backend) => !backend.clear)
  }

  #read(request: Request, keys: readonly string[], frame: RequestFrame, stable: boolean): void {
    const place = request.position
    if (this.#locks.blocks(place)) {
      this.#hold(place, request, frame, stable)
      return
    }
    const { targets, spares } = this.#ownersOf(place, keys)
    // Keys that go together have their first owner in common, not the others.
    const whole = this.#copying.keysShareOwners ? 1 : keys.length
    const alone = (request.ordinals?.length ?? whole) === 1
    const backend = alone ? this.#reads.choose(targets, this.#policy.read) : targets[0]
    const [first, second] = targets
    if (this.#policy.warmUp && alone && first !== undefined && second !== undefined) {
      const length = frame.end - frame.start
      if (backend === first && first.accepts(length)) {
        const bytes = Buffer.from(frame.bytes.subarray(frame.start, frame.end))
        new WarmRead(this, this.#copying, request, [first, second], keys, bytes).send()
        return
      }
    }
    if (backend !== undefined)
      this.#host.giveTo(request, backend, frame.bytes, frame.start, frame.end, stable)
    else this.#withoutOwner(request, keys, spares, frame, stable)
  }

  #write(request: Request, keys: readonly string[], frame: RequestFrame, stable: boolean): void {
    const { command } = request
    const { replicas } = this.#host
    const place = request.position
    const mode = replicas > 1 ? this.#copying.replicationOf(command, frame) : 'verbatim'
    if (mode === 'refuse') {
      const text = `${command.name} cannot be given to ${replicas} owners; use a pool with replicas: 1`
      this.#host.fail(request, 'NOT_REPLICATED', text)
      return
    }
    const owners = this.#ownersOf(place, keys)
    const [first] = owners.targets
    if (first === undefined) {
      this.#withoutOwner(request, keys, owners.spares, frame, stable)
      return
    }
    const targets = mode === 'copy' ? [first] : owners.targets
    const spares = [...owners.targets.slice(targets.length), ...owners.spares]
    const needed = replicas > 1 ? acksNeeded(this.#policy.ack, replicas) : 1
    if (targets.length + spares.length < needed) {
      const have = targets.length + spares.length
      const text = `${have} of the ${needed} backends that ack asks for can be reached; the write was not applied`
      this.#host.fail(request, 'TOO_FEW_COPIES', text)
      return
    }
    if (!this.#locks.share(place, request.resp)) {
      this.#hold(place, request, frame, stable)
      return
    }
    const bytes = frame.end - frame.start
    const ready = targets.filter((target) => target.accepts(bytes))
    if (ready[0] !== first) {
      this.#locks.release(place)
      this.#host.giveTo(request, first, frame.bytes, frame.start, frame.end, stable)
      return
    }
    for (const backend of owners.missing) this.missed(backend, keys)
    for (const backend of owners.targets) if (!ready.includes(backend)) this.missed(backend, keys)
    const write = new ReplicatedWrite(this, request, {
      place,
      keys,
      targets: ready,
      spares,
      needed,
      isSame: this.#copying.isSame,
    })
    write.send(frame.bytes, frame.start, frame.end, stable)
  }

  /** Nothing that can be reached has the keys up to date. */
  #withoutOwner(
    request: Request,
    keys: readonly string[],
    spares: readonly Backend[],
    frame: RequestFrame,
    stable: boolean,
  ): void {
    const backend = spares.find(({ stale }) => !stale.whole)
    if (backend === undefined || request.failures > this.#tools.limits.failoverAttemptsMax) {
      this.#host.giveUp(request)
      return
    }
    // Its old copy must not be seen: it goes, and then the command finds an owner.
    request.failures++
    this.#hold(request.position, request, frame, stable)
    this.#repairs.bringUp(backend, keys, true).catch(lostMeanwhile)
  }

  #ownersOf(place: number, keys: readonly string[]): Owners {
    const { replicas, backends } = this.#host
    const targets: Backend[] = []
    const missing: Backend[] = []
    const spares: Backend[] = []
    let draining: Backend | undefined
    const late: Backend[] = []
    const ranks = this.#host.ranksAt(place, backends.length)
    for (const [rank, backend] of ranks.entries()) {
      const admitted = backend.takes(place)
      const good = backend.usable && admitted && !backend.stale.hasAny(keys)
      const wanted = rank < replicas || targets.length === 0
      if (wanted && good) targets.push(backend)
      else {
        if (wanted) missing.push(backend)
        if (!admitted) late.push(backend)
        else if (backend.usable) spares.push(backend)
        else if (backend.state === 'draining' && backend.reachable) draining ??= backend
      }
    }
    // When nobody else has the key, one that starts slowly serves it all the same.
    const [early] = targets.length === 0 ? late.filter((each) => each.usable) : []
    if (early !== undefined) {
      if (early.stale.hasAny(keys)) return { targets, missing, spares: [...spares, early] }
      return { targets: [early], missing: missing.filter((each) => each !== early), spares }
    }
    // When nothing else is left, a backend that is being drained is better than an error.
    if (targets.length === 0 && spares.length === 0 && draining !== undefined)
      return { targets: [draining], missing: missing.filter((each) => each !== draining), spares }
    return { targets, missing, spares }
  }

  #hold(place: number, request: Request, frame: RequestFrame, stable: boolean): void {
    const { backendQueueMax, backendQueueBytesMax } = this.#tools.limits
    const locks = this.#locks
    const length = frame.end - frame.start
    if (locks.held >= backendQueueMax || locks.heldBytes + length > backendQueueBytesMax) {
      const text = `${locks.held} commands (${locks.heldBytes} bytes) wait for their keys to be copied, which is the limit`
      this.#host.fail(request, 'QUEUE_FULL', text)
      return
    }
    const view = frame.bytes.subarray(frame.start, frame.end)
    locks.hold(place, { request, bytes: stable ? view : Buffer.from(view) })
  }

  #runHeld({ request, bytes }: HeldCommand): void {
    this.#host.runAgain(request, bytes, 0, bytes.length)
  }
}

/** Its connection ended: the commands that wait look for another owner. */
function lostMeanwhile(error: unknown): void {
  if (!(error instanceof LostAsk)) throw error
}
