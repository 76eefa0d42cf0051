import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { causeOfError, type LostCause } from './lost-cause.ts'

/** Bytes of an answer that are read for its status line. */
const STATUS_BYTES_MAX = 1_024
const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})[ \r]/

export interface HttpCheckOptions {
  readonly host: string
  readonly port: number
  /** Present: over TLS. */
  readonly tls?: ConnectionOptions
  /** `tcp` is well when the connection is accepted. */
  readonly type: 'tcp' | 'http'
  /** Request target of an HTTP check. @defaultValue '/' */
  readonly path?: string
  /** Value of the Host header. @defaultValue host:port */
  readonly authority?: string
  /** Statuses that pass, both included. @defaultValue 200 to 399, as in HAProxy */
  readonly statusMin?: number
  readonly statusMax?: number
  readonly timeoutMs: number
  /** Called once: without a cause the backend is well. */
  readonly done: (cause: LostCause | undefined) => void
}

/** One active check over TCP or HTTP, on a connection of its own. */
export class HttpCheck {
  readonly #options: HttpCheckOptions
  readonly #socket: Socket
  readonly #timer: NodeJS.Timeout
  #over = false
  #connected = false
  #answer = ''

  constructor(options: HttpCheckOptions) {
    this.#options = options
    const { host, port, tls, timeoutMs } = options
    this.#timer = setTimeout(() => this.#end(this.#late()), timeoutMs)
    this.#timer.unref()
    this.#socket =
      tls === undefined
        ? connect({ host, port, noDelay: true })
        : connectTls({ ...tls, host, port })
    this.#socket.once(tls === undefined ? 'connect' : 'secureConnect', () => this.#open())
    this.#socket.on('data', (bytes) => this.#read(bytes.toString('latin1')))
    this.#socket.once('error', (error) => this.#end(causeOfError(error, this.#connected)))
    this.#socket.once('close', () =>
      this.#end({ code: 'CLOSED', text: 'closed the connection on a health check' }),
    )
  }

  /** Gives up silently. */
  cancel(): void {
    this.#over = true
    this.#dispose()
  }

  #open(): void {
    this.#connected = true
    const { type, path = '/', authority, host, port } = this.#options
    if (type === 'tcp') {
      this.#end(undefined)
      return
    }
    const target = authority ?? `${host.includes(':') ? `[${host}]` : host}:${port}`
    this.#socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${target}\r\nUser-Agent: ringway-check\r\nAccept: */*\r\nConnection: close\r\n\r\n`,
      'latin1',
    )
  }

  #read(text: string): void {
    if (this.#options.type === 'tcp') return
    this.#answer += text
    if (!this.#answer.includes('\n') && this.#answer.length < STATUS_BYTES_MAX) return
    const status = Number(STATUS_LINE.exec(this.#answer)?.[1] ?? 0)
    const { statusMin = 200, statusMax = 399, path = '/' } = this.#options
    if (status === 0)
      this.#end({ code: 'BAD_REPLY', text: 'did not answer a health check with HTTP/1.1' })
    else if (status < statusMin || status > statusMax)
      this.#end({ code: 'BAD_REPLY', text: `answered a health check of ${path} with ${status}` })
    else this.#end(undefined)
  }

  #late(): LostCause {
    const { timeoutMs } = this.#options
    return this.#connected
      ? { code: 'REPLY_TIMEOUT', text: `did not answer a health check within ${timeoutMs} ms` }
      : { code: 'CONNECT_TIMEOUT', text: `did not accept a connection within ${timeoutMs} ms` }
  }

  #end(cause: LostCause | undefined): void {
    if (this.#over) return
    this.#over = true
    this.#dispose()
    this.#options.done(cause)
  }

  #dispose(): void {
    clearTimeout(this.#timer)
    this.#socket.on('error', ignore)
    this.#socket.destroy()
  }
}

/** The check is over: a late error of its socket says nothing new. */
function ignore(): void {}
