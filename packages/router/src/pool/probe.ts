import type { Socket } from 'node:net'
import { type DialTarget, dial } from './dial.ts'
import { type Greeting, greetingsOf } from './greeting.ts'
import { causeOfError, type LostCause } from './lost-cause.ts'
import type { UpstreamProtocol } from './upstream-protocol.ts'

const REPLY_BYTES_MAX = 1_024

export interface ProbeOptions {
  readonly target: DialTarget
  readonly timeoutMs: number
  readonly protocol: UpstreamProtocol
  /** Called once: without a cause the backend is well. */
  readonly done: (cause: LostCause | undefined) => void
}

/** Asks a backend with a probe (PING) on a connection of its own, so that no client's command is the one that finds out. */
export class Probe {
  readonly #socket: Socket
  readonly #timer: NodeJS.Timeout
  readonly #done: ProbeOptions['done']
  readonly #protocol: UpstreamProtocol
  readonly #greetings: Greeting[]
  #over = false
  #connected = false
  #reply = ''

  constructor(options: ProbeOptions) {
    this.#done = options.done
    this.#protocol = options.protocol
    this.#greetings = [...greetingsOf(options.target.access, 2)]
    const { socket, ready } = dial(options.target)
    this.#socket = socket
    this.#timer = setTimeout(
      () =>
        this.#end({
          code: 'REPLY_TIMEOUT',
          text: `did not answer a probe within ${options.timeoutMs} ms`,
        }),
      options.timeoutMs,
    )
    this.#timer.unref()
    this.#socket.once(ready, () => {
      this.#connected = true
      for (const { bytes } of this.#greetings) this.#socket.write(bytes)
      this.#socket.write(options.protocol.probeLine)
    })
    this.#socket.on('data', (bytes) => this.#read(bytes.toString('latin1')))
    this.#socket.once('error', (error) => this.#end(causeOfError(error, this.#connected)))
    this.#socket.once('close', () =>
      this.#end({ code: 'CLOSED', text: 'closed the connection on a probe' }),
    )
  }

  /** Gives up silently. */
  cancel(): void {
    this.#over = true
    this.#dispose()
  }

  #read(text: string): void {
    this.#reply += text
    while (!this.#over) {
      const lineEnd = this.#reply.indexOf('\n')
      if (lineEnd < 0 && this.#reply.length < REPLY_BYTES_MAX) return
      const line = this.#reply.slice(0, lineEnd).trim()
      this.#reply = lineEnd < 0 ? '' : this.#reply.slice(lineEnd + 1)
      this.#take(line)
    }
  }

  #take(line: string): void {
    const greeting = this.#greetings.shift()
    if (greeting !== undefined) {
      if (line.startsWith('-')) this.#end(greeting.refused(line))
      return
    }
    this.#end(
      this.#protocol.isNotReady(line)
        ? { code: 'BAD_REPLY', text: `is not ready (${line.replace(/^-/, '').slice(0, 80)})` }
        : undefined,
    )
  }

  #end(cause: LostCause | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#dispose()
    this.#done(cause)
  }

  #dispose(): void {
    clearTimeout(this.#timer)
    this.#socket.on('error', ignore)
    this.#socket.destroy()
  }
}

/** The probe is over: a late error of its socket says nothing new. */
function ignore(): void {}
