import { slotOf } from '@ringway/ring'
import { encodeError } from '../codec/resp/encode.ts'
import type { RequestFrame } from '../codec/resp/request-frame.ts'
import type { GatherKind } from '../plan/gather.ts'
import type { Placement } from '../plan/plan-redis.ts'
import type { Fold } from './gathering.ts'
import { KeyByKey } from './key-by-key.ts'
import { keyView } from './key-view.ts'
import { countError, type ErrorCounts, type Pool } from './pool.ts'
import type { PoolDriver } from './pool-driver.ts'
import type { Request } from './request.ts'

/** The embedded store: its unit of ownership is the slot, and it finds the acting primary itself. */
const SLOTS: Placement = {
  whole: true,
  positionOf: (bytes, from, to) => slotOf(keyView(bytes, from, to)),
  ownerOf: (position) => position,
}

/** A pool of protocol `store`: hands commands to the driver that the embedding program attached. */
export class StorePool implements Pool {
  readonly placement = SLOTS
  readonly fleet = undefined
  readonly name: string
  readonly counters = { requests: 0 }
  /** Attached after the topology names the pool, or before. */
  driver: PoolDriver | undefined
  readonly #errors: ErrorCounts

  constructor(name: string, driver: PoolDriver | undefined, errors: ErrorCounts) {
    this.name = name
    this.driver = driver
    this.#errors = errors
  }

  run(request: Request, frame: RequestFrame, keyIndex: number, stable: boolean): void {
    this.counters.requests++
    const { driver } = this
    if (driver === undefined) {
      countError(this.#errors, 'NO_DRIVER')
      const reply = encodeError(`ERR pool "${this.name}": no store is attached to this router`)
      request.settle(reply, 0, reply.length, true)
      return
    }
    // The driver may keep the arguments: they must outlive the read, and must not keep a large read alive for a small key.
    const whole = frame.bytes.subarray(frame.start, frame.end)
    const kept = stable && frame.stable
    const bytes = kept && whole.length * 2 > frame.bytes.length ? whole : Buffer.from(whole)
    const args: Uint8Array[] = []
    for (let at = 0; at < frame.argc; at++)
      args.push(bytes.subarray(frame.argStart[at], frame.argEnd[at]))
    const { command, resp } = request
    if (KeyByKey.applies(command, frame.argc)) {
      KeyByKey.run(driver, request, args)
      return
    }
    const [name = ''] = command.name.split('|')
    driver.dispatch({ name, args, keyIndex, resp }, request, 0)
  }

  /** Never planned for a pool that answers as a whole. */
  runAll(request: Request, frame: RequestFrame, _gather: GatherKind | Fold): void {
    this.run(request, frame, -1, false)
  }
}
