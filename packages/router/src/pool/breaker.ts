import {
  beginProbe,
  type Circuit,
  type CircuitLimits,
  CLOSED,
  openCircuit,
} from '../health/circuit.ts'
import type { LostCause } from './lost-cause.ts'
import type { Turn } from './turn.ts'

/** A question to a backend, which can be given up. */
export interface Inquiry {
  cancel(): void
}

export interface BreakerOptions {
  readonly turn: Turn
  readonly limits: CircuitLimits
  /** In [0, 1). */
  readonly random: () => number
  /** Asks whether the backend is well; without a cause it is. */
  readonly ask: (done: (cause: LostCause | undefined) => void) => Inquiry
  /** It answered: the circuit is closed, by this answer if it was `open`. */
  readonly well: (open: boolean) => void
  /** It did not answer as it should. */
  readonly ill: (cause: LostCause) => void
}

/** The circuit of one backend, with the timer and the questions that close it again. */
export class Breaker {
  readonly #options: BreakerOptions
  #circuit: Circuit = CLOSED
  #timer: NodeJS.Timeout | undefined
  #inquiry: Inquiry | undefined
  #stopped = false

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  /** True while nothing speaks against the backend. */
  get closed(): boolean {
    return this.#circuit.type === 'closed'
  }

  /** The backend failed: it is asked again after a while. Returns true when the circuit was closed before. */
  open(): boolean {
    const { turn, random, limits } = this.#options
    const wasClosed = this.closed
    this.#circuit = openCircuit(this.#circuit, turn.now, random(), limits)
    this.#schedule()
    return wasClosed
  }

  /** Keeps the backend out for so long, whatever it answers meanwhile, and asks it then. */
  hold(ms: number): void {
    this.#giveUp()
    this.#circuit = { type: 'open', failures: 1, probeAt: this.#options.turn.now + ms }
    this.#schedule()
  }

  /** Somebody else has found it well. */
  close(): void {
    this.#circuit = CLOSED
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Asks at once, without an open circuit, unless it is being asked. */
  doubt(): void {
    if (this.#stopped || this.#inquiry !== undefined || !this.closed) return
    this.#inquiry = this.#options.ask((cause) => this.#doubted(cause))
  }

  /** Gives up asking, for good. */
  stop(): void {
    this.#stopped = true
    this.#giveUp()
  }

  /** Neither the timer nor a question that is open comes back. */
  #giveUp(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#inquiry?.cancel()
    this.#inquiry = undefined
  }

  #schedule(): void {
    const circuit = this.#circuit
    if (circuit.type !== 'open' || this.#timer !== undefined || this.#stopped) return
    const delay = Math.max(0, circuit.probeAt - this.#options.turn.now)
    this.#timer = setTimeout(() => this.#probe(), delay)
    this.#timer.unref()
  }

  #probe(): void {
    this.#timer = undefined
    this.#circuit = beginProbe(this.#circuit)
    this.#inquiry?.cancel()
    this.#inquiry = this.#options.ask((cause) => this.#probed(cause))
  }

  #probed(cause: LostCause | undefined): void {
    this.#inquiry = undefined
    this.#options.turn.begin()
    if (cause !== undefined) {
      this.#options.ill(cause)
      return
    }
    const open = !this.closed
    this.#circuit = CLOSED
    this.#options.well(open)
  }

  #doubted(cause: LostCause | undefined): void {
    this.#inquiry = undefined
    this.#options.turn.begin()
    if (cause === undefined) this.#options.well(false)
    // Otherwise its circuit was opened meanwhile, and has its own questions.
    else if (this.closed) this.#options.ill(cause)
  }
}
