import { encodeCommand } from '../../codec/resp/encode.ts'
import { findRedisCommand } from '../../plan/command-index.ts'
import type { RedisCommand } from '../../plan/redis-command.ts'
import type { RoutedCommand } from '../../plan/routed-command.ts'
import type { Backend } from '../backend.ts'
import type { LostCause } from '../lost-cause.ts'
import { type LossTaker, Request, type RequestOwner } from '../request.ts'

/** A command of the router itself was not answered. */
export class LostAsk extends Error {
  override readonly name = 'LostAsk'
}

/** One command of the router itself: it takes its turn on the connection of all RESP2 commands. */
class Ask implements RequestOwner, LossTaker {
  readonly #resolve: (reply: Buffer) => void
  readonly #reject: (error: LostAsk) => void

  constructor(resolve: (reply: Buffer) => void, reject: (error: LostAsk) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  answered(_request: Request, bytes: Buffer, start: number, end: number, stable: boolean): void {
    const view = bytes.subarray(start, end)
    this.#resolve(stable ? view : Buffer.from(view))
  }

  lost(_request: Request, backend: Backend, _sent: boolean, cause: LostCause): void {
    this.#reject(new LostAsk(`backend ${backend.id} ${cause.text}`))
  }
}

/**
 * Sends one whole command to a backend; the reply as the bytes that came, an error reply included.
 * @throws LostAsk when it was not answered, or when too much waits there
 */
export function askBytes(backend: Backend, command: RoutedCommand, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (!backend.accepts(bytes.length)) {
      reject(new LostAsk(`backend ${backend.id} has too much waiting`))
      return
    }
    const owner = new Ask(resolve, reject)
    const request = new Request(owner, command, 2, undefined, true)
    request.taker = owner
    backend.send(request, bytes, 0, bytes.length, true)
  })
}

/** The same for a Redis command, in words. @throws LostAsk */
export function ask(backend: Backend, args: readonly (string | Buffer)[]): Promise<Buffer> {
  const bytes = encodeCommand(args.map((arg) => Buffer.from(arg)))
  return askBytes(backend, rowOf(String(args[0])), bytes)
}

function rowOf(name: string): RedisCommand {
  const bytes = Buffer.from(name.toLowerCase())
  const row = findRedisCommand(bytes, 0, bytes.length)
  if (row === undefined) throw new TypeError(`no such command: ${name}`)
  return row
}
