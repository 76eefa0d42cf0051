import type { Socket } from 'node:net'
import type { Frame } from '../wire/frame.ts'
import type { Hello } from '../wire/hello.ts'
import { judgeHello } from '../wire/judge-hello.ts'
import { PeerError } from '../wire/peer-error.ts'
import { encodeRefusal, type Refusal } from '../wire/refusal.ts'
import { Connection, type ConnectionOwner } from './connection.ts'
import type { HubContext } from './context.ts'
import { showAddress } from './failure.ts'
import type { PeerAddress } from './options.ts'

/** The first bytes of a TLS handshake; as a length they would be 352 MB. */
const TLS_HANDSHAKE = 0x16

/** What the accepting side of a handshake asks and tells the hub. */
export interface GreetingEvents {
  /** The hello is right; a refusal when this link is not wanted now. */
  consider(greeting: Greeting, hello: Hello): Refusal | undefined
  /** The dialer has confirmed: the link is up, and `first` is its first frame. */
  confirmed(greeting: Greeting, hello: Hello, first: Frame): void
  /** Nothing came of it. Exactly once, unless confirmed; `hello` when {@link GreetingEvents.consider} had agreed. */
  gone(greeting: Greeting, hello: Hello | undefined): void
}

// An accepted connection until its link is up:
//
//   dialer ── hello ──▶ acceptor          judged; refused with a code, or considered by the slot of that member
//   dialer ◀── hello ── acceptor
//   dialer ── ping ───▶ acceptor          only now the acceptor's link is up
//
// The third step matters when both dial at once: a hello may still be under way from a dial that its sender has given up since,
// and must not replace the link that it gave it up for.

/** The accepting side of one handshake. */
export class Greeting implements ConnectionOwner {
  readonly connection: Connection
  readonly address: PeerAddress

  readonly #context: HubContext
  readonly #events: GreetingEvents
  #hello: Hello | undefined
  #over = false
  #timer: NodeJS.Timeout

  constructor(
    socket: Socket,
    keyIdentity: string | undefined,
    timeoutMs: number,
    context: HubContext,
    events: GreetingEvents,
  ) {
    const { counters, now } = context
    this.#context = context
    this.#events = events
    this.address = { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }
    if (keyIdentity === undefined) socket.once('data', (chunk: Buffer) => this.#noticeTls(chunk))
    this.connection = new Connection(socket, this, { counters, now, keyIdentity })
    this.#timer = setTimeout(() => {
      this.connection.destroy(new PeerError('HANDSHAKE_FAILED', 'no hello in time', { timeoutMs }))
    }, timeoutMs)
  }

  /** Ends it without a word to anyone; `gone` is not called. */
  cancel(): void {
    if (this.#finish()) this.connection.discard()
  }

  frame(frame: Frame): void {
    if (this.#hello === undefined) {
      if (frame.type !== 'hello')
        throw new PeerError('HELLO_INVALID', `a ${frame.type} came instead of a hello`)
      this.#judge(frame.body)
    } else if (frame.type === 'ping') {
      const hello = this.#hello
      if (this.#finish()) this.#events.confirmed(this, hello, frame)
    } else if (frame.type === 'helloRefused') {
      this.connection.destroy(undefined)
    } else {
      throw new PeerError('HELLO_INVALID', `a ${frame.type} came before the link was confirmed`)
    }
  }

  closed(error: unknown): void {
    if (!this.#finish()) return
    if (this.#hello === undefined) {
      this.#context.counters.strangers++
      this.#context.log.info(
        { address: this.address, error },
        `peer ${showAddress(this.address)} said no hello: ${error instanceof Error ? error.message : 'it closed the connection'}`,
      )
    }
    this.#events.gone(this, this.#hello)
  }

  #judge(body: Uint8Array): void {
    const { self, cluster } = this.#context.options
    const verdict = judgeHello(body, { ...self, cluster })
    const refusal =
      verdict.type === 'refused' ? verdict.refusal : this.#events.consider(this, verdict.hello)
    if (verdict.type === 'refused' || refusal !== undefined) {
      if (refusal !== undefined) this.#refuse(refusal)
      return
    }
    this.#hello = verdict.hello
    this.connection.write(this.#context.encodeOurHello(undefined))
    this.connection.flush()
  }

  #refuse(refusal: Refusal): void {
    const { counters, limits, log } = this.#context
    counters.hellosRefused++
    log.info({ address: this.address, refusal }, `refused a hello: ${refusal.reason}`)
    this.connection.end(encodeRefusal(refusal), limits.closeTimeoutMs)
    if (this.#finish()) this.#events.gone(this, undefined)
  }

  #noticeTls(chunk: Buffer): void {
    if (chunk[0] !== TLS_HANDSHAKE) return
    this.connection.destroy(
      new PeerError('HELLO_INVALID', 'it speaks TLS: it has a cluster key and we have none'),
    )
  }

  #finish(): boolean {
    if (this.#over) return false
    this.#over = true
    clearTimeout(this.#timer)
    return true
  }
}
