import { connect, type Socket } from 'node:net'
import { encodeCommand } from '../../src/codec/resp/encode.ts'
import { ReplyScanner, SCANNED } from '../../src/codec/resp/reply-scanner.ts'
import { DEFAULT_LIMITS } from '../../src/limits.ts'

/** A client that shows replies as the bytes that came, one string per reply. */
export class RedisClient {
  readonly socket: Socket
  readonly closed: Promise<void>
  readonly #scanner = new ReplyScanner(DEFAULT_LIMITS)
  #bytes: Buffer = Buffer.alloc(0)
  readonly #replies: string[] = []
  #wake: (() => void) | undefined
  #ended = false

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1' })
    this.socket.on('data', (bytes) => this.#read(bytes))
    this.socket.on('error', () => undefined)
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        this.#ended = true
        this.#wake?.()
        resolve()
      })
    })
  }

  /** Sends commands in one write. */
  send(...commands: readonly (readonly (string | Buffer)[])[]): void {
    this.socket.write(
      Buffer.concat(commands.map((words) => encodeCommand(words.map((word) => Buffer.from(word))))),
    )
  }

  /** The next replies; fewer when the connection ended. */
  async replies(count: number): Promise<string[]> {
    while (this.#replies.length < count && !this.#ended)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    return this.#replies.splice(0, count)
  }

  /** Sends one command, written as words, and waits for its reply. */
  async ask(words: string): Promise<string> {
    this.send(words.split(' '))
    return (await this.replies(1))[0] ?? '(closed)'
  }

  #read(bytes: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? bytes : Buffer.concat([this.#bytes, bytes])
    let at = 0
    while (this.#scanner.scan(this.#bytes, at, this.#bytes.length) === SCANNED.reply) {
      this.#replies.push(this.#bytes.toString('latin1', at, this.#scanner.end))
      at = this.#scanner.end
    }
    this.#bytes = this.#bytes.subarray(at)
    this.#wake?.()
  }
}
