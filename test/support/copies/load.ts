import { setTimeout as pause } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { plainClient } from '../redis-client.ts'

const READS = 12
const WRITES = 4
/** Pauses between two pipelines of a client: thousands of commands a second, and time for the processes that serve them. */
const PACE_MS = 8

/** What one key may read as: the last number that was acknowledged, or a later one whose fate is unknown. */
interface Expectation {
  acknowledged: number
  attempted: number
}

export interface LoadOptions {
  readonly port: number
  /** Keys are its own: no other client writes them. */
  readonly prefix: string
  readonly keys: number
}

/** An ioredis client that reads and writes its own keys in pipelines, without retries, and counts what it was told. */
export class CopiesLoad {
  readonly counts = { reads: 0, writes: 0, acknowledged: 0 }
  readonly readErrors: string[] = []
  readonly writeErrors: string[] = []
  /** Values that are older than an acknowledged write, or that nobody wrote. */
  readonly wrong: string[] = []
  readonly #options: LoadOptions
  readonly #expected: readonly Expectation[]
  #stopped = false
  #running: Promise<void> | undefined
  #turn = 0

  constructor(options: LoadOptions) {
    this.#options = options
    this.#expected = Array.from({ length: options.keys }, () => ({
      acknowledged: -1,
      attempted: -1,
    }))
  }

  /** Writes every key once, then goes on in the background. */
  async start(): Promise<void> {
    const client = await plainClient(this.#options.port)
    const all = [...this.#expected.keys()]
    await this.#pipeline(client, all, [])
    this.#running = this.#run(client)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #run(client: Redis): Promise<void> {
    const { keys } = this.#options
    while (!this.#stopped) {
      const from = this.#turn++ * WRITES
      const some = (count: number, at: number) =>
        Array.from({ length: count }, (_, i) => (at + i) % keys)
      await this.#pipeline(client, some(WRITES, from), some(READS, from))
      await pause(PACE_MS)
    }
    const all = [...this.#expected.keys()]
    await this.#pipeline(client, [], all)
    client.disconnect()
  }

  async #pipeline(client: Redis, writes: readonly number[], reads: readonly number[]) {
    const { prefix } = this.#options
    const values = writes.map((key) => this.#expect(key).attempted + 1)
    const commands = [
      ...writes.map((key, i) => ['set', `${prefix}:${key}`, String(values[i])]),
      ...reads.map((key) => ['get', `${prefix}:${key}`]),
    ]
    for (const [i, key] of writes.entries()) this.#expect(key).attempted = values[i] as number
    this.counts.writes += writes.length
    this.counts.reads += reads.length
    const replies = (await client.pipeline(commands).exec()) ?? []
    for (const [i, key] of writes.entries()) {
      const [error, reply] = replies[i] ?? [new Error('no reply')]
      if (error) this.writeErrors.push(error.message)
      else if (reply !== 'OK') this.writeErrors.push(`SET was answered with ${reply}`)
      else {
        this.counts.acknowledged++
        this.#expect(key).acknowledged = values[i] as number
      }
    }
    for (const [i, key] of reads.entries()) {
      const [error, reply] = replies[writes.length + i] ?? [new Error('no reply')]
      if (error) this.readErrors.push(error.message)
      else this.#check(key, reply)
    }
  }

  #check(key: number, reply: unknown): void {
    const { acknowledged, attempted } = this.#expect(key)
    const number = reply === null ? -1 : Number(reply)
    if (number < acknowledged || number > attempted)
      this.wrong.push(
        `${this.#options.prefix}:${key} is ${reply}; acknowledged ${acknowledged}, attempted ${attempted}`,
      )
  }

  #expect(key: number): Expectation {
    const expected = this.#expected[key]
    if (expected === undefined) throw new RangeError(`no key ${key}`)
    return expected
  }
}
