import { type GatherKind, gatherReplies, type PartReply } from '../plan/gather.ts'
import type { RedisCommand } from '../plan/redis-command.ts'
import type { RoutedCommand } from '../plan/routed-command.ts'
import type { PoolDriver, ReplySink } from './pool-driver.ts'
import type { Request } from './request.ts'

/** What the store runs for one key of a command that names several. */
const SINGLE_KEY_FORMS: Readonly<Record<string, string>> = { mget: 'get', mset: 'set' }

const ARRAY_OF_ONE = Buffer.from('*1\r\n')

/**
 * A command over several keys of one slot, for a store whose commands have one key each: MGET becomes GETs, DEL a, b
 * becomes DEL a and DEL b. The keys run on the same member in the client's order; the whole is not atomic.
 */
export class KeyByKey implements ReplySink {
  readonly #whole: Request
  readonly #gather: GatherKind
  readonly #parts: PartReply[] = []
  readonly #keyCount: number

  private constructor(whole: Request, gather: GatherKind, keyCount: number) {
    this.#whole = whole
    this.#gather = gather
    this.#keyCount = keyCount
  }

  /** True for a command that has to be taken apart: all that split, but for those with one key and a form for it. */
  static applies(command: RoutedCommand, argc: number): boolean {
    if (!('keys' in command) || command.run.type !== 'split') return false
    return command.name in SINGLE_KEY_FORMS || argc > 1 + stepOf(command)
  }

  static run(driver: PoolDriver, request: Request, args: readonly Uint8Array[]): void {
    const { command, resp } = request
    if (!('keys' in command) || command.run.type !== 'split') return
    const step = stepOf(command)
    const keyCount = (args.length - 1) / step
    const sink = new KeyByKey(request, command.run.gather, keyCount)
    const name = SINGLE_KEY_FORMS[command.name] ?? command.name
    const nameBytes = Buffer.from(name)
    for (let key = 0; key < keyCount; key++) {
      const at = 1 + key * step
      driver.dispatch(
        { name, args: [nameBytes, ...args.slice(at, at + step)], keyIndex: 1, resp },
        sink,
        key,
      )
    }
  }

  reply(part: number, bytes: Uint8Array): void {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#parts.push({ ordinals: [part], bytes: this.#asPart(buffer) })
    if (this.#parts.length < this.#keyCount) return
    const whole = gatherReplies(this.#gather, this.#parts, this.#keyCount)
    this.#whole.settle(whole, 0, whole.length, true)
  }

  /** An element of an array has to look like the array that a server gives for its keys. */
  #asPart(reply: Buffer): Buffer {
    const isError = reply[0] === 0x2d || reply[0] === 0x21
    return this.#gather === 'in-order' && !isError ? Buffer.concat([ARRAY_OF_ONE, reply]) : reply
  }
}

function stepOf(command: RedisCommand): number {
  return command.keys.type === 'range' ? command.keys.step : 1
}
