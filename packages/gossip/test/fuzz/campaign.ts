import { CONTEXT_NAMES, isStrict } from './contexts.ts'
import { Draw } from './draw.ts'
import { isSealedAlike, makeInput, mutate, startsAlike } from './inputs.ts'
import { Finding, type Input, Oracle } from './oracles.ts'
import type { Wire } from './wire.ts'

/** Outcomes that are remembered, one smallest input each; and how long an input may be that is mutated again. */
const KEPT_MAX = 4_096
const KEPT_BYTES_MAX = 512
const FRESH_INPUTS = 2 ** 16

export interface CampaignOptions {
  readonly wire: Wire
  readonly seed: number
  readonly inputs: number
  /** Called every so many inputs; the campaign itself looks at no clock. */
  readonly onProgress?: (done: number, campaign: Campaign) => void
  readonly progressEvery?: number
}

/** An input that a decoder stumbled over, with what is needed to see it again. */
export interface Found {
  readonly input: Input
  readonly seed: number
  readonly index: number
  readonly what: string
}

/** Feeds inputs, keeps those that bring something new, and mutates them again. Equal seeds feed equal inputs. */
export class Campaign {
  readonly oracle: Oracle
  readonly kept = new Map<string, Input>()
  readonly byTarget = new Map<string, number>()
  readonly #keys: string[] = []
  readonly #options: CampaignOptions
  /** Index of the next input. */
  done = 0

  constructor(options: CampaignOptions) {
    this.#options = options
    this.oracle = new Oracle(options.wire)
  }

  /** The first finding, or undefined when all inputs went well. */
  run(): Found | undefined {
    const { inputs, onProgress, progressEvery = 0, seed } = this.#options
    // Refusals are thrown by the million here, and nobody reads where from.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    try {
      return this.#feed(seed, inputs, progressEvery, onProgress)
    } finally {
      Error.stackTraceLimit = stackTraceLimit
    }
  }

  #feed(
    seed: number,
    inputs: number,
    progressEvery: number,
    onProgress: CampaignOptions['onProgress'],
  ): Found | undefined {
    while (this.done < inputs) {
      const index = this.done
      this.done += 1
      const input = this.#next(new Draw(seed, index), index)
      this.byTarget.set(input.target, (this.byTarget.get(input.target) ?? 0) + 1)
      try {
        this.#keep(input, this.oracle.run(input))
      } catch (error) {
        if (!(error instanceof Finding)) throw error
        return { input, seed, index, what: error.message }
      }
      if (progressEvery > 0 && this.done % progressEvery === 0) onProgress?.(this.done, this)
    }
    return undefined
  }

  /** First mostly what is made anew; later, when much has been seen, mostly changes of what was kept. */
  #next(draw: Draw, index: number): Input {
    const isFresh = index < FRESH_INPUTS ? !draw.oneIn(4) : draw.oneIn(8)
    if (this.#keys.length === 0 || isFresh) return makeInput(draw)
    const kept = this.#pick(draw)
    if (kept === undefined) return makeInput(draw)
    const bytes = mutate(draw, kept.bytes)
    const { target } = kept
    const isPart = target === 'packet' || target === 'acceptor' || target === 'dialer'
    const context = isPart && draw.oneIn(16) ? draw.pick(CONTEXT_NAMES) : kept.context
    // A stream that only grew at its end is still the one that a key has sealed, and so is one that did not change.
    const isSame =
      context === kept.context &&
      kept.isAuthentic &&
      (target === 'packet' ? isSealedAlike : startsAlike)(bytes, kept.bytes)
    return { target, context, bytes, isAuthentic: isSame || context !== kept.context }
  }

  /** What is sealed and then changed does not open: of that, little is enough. */
  #pick(draw: Draw): Input | undefined {
    for (let tries = 0; tries < 8; tries += 1) {
      const kept = this.kept.get(draw.pick(this.#keys))
      if (kept === undefined || !isStrict(kept.context) || draw.oneIn(16)) return kept
    }
    return undefined
  }

  #keep(input: Input, outcome: string): void {
    if (input.bytes.length > KEPT_BYTES_MAX) return
    const key = signature(input, outcome)
    const known = this.kept.get(key)
    if (known === undefined) {
      if (this.kept.size >= KEPT_MAX) return
      this.#keys.push(key)
    } else if (known.bytes.length <= input.bytes.length) return
    // What came out is a fact about these bytes, and a later reader has to see the same.
    this.kept.set(key, { ...input, expected: outcome })
  }
}

/** Which codes and which kinds of messages came out, but not how many nor of what. */
function signature({ context, target }: Input, outcome: string): string {
  const kinds = new Set<string>()
  for (const part of outcome.split(' | ')) {
    kinds.add(/^(WIRE_\w+)|type=("[a-z-]+")/.exec(part)?.[0] ?? part.slice(0, 8))
  }
  return `${target} ${context} ${[...kinds].sort().slice(0, 4).join()}`
}
