import { createHash } from 'node:crypto'
import { encodeCommand } from '../codec/resp/encode.ts'
import type { RequestFrame } from '../codec/resp/request-frame.ts'

export interface ScriptLimits {
  readonly scriptsMax: number
  readonly scriptBytesMax: number
}

/**
 * Scripts that came by in EVAL and SCRIPT LOAD, by SHA-1: a backend that does not know one gets it from here. Bounded; the
 * one that was not used for longest is forgotten.
 */
export class ScriptCache {
  readonly #limits: ScriptLimits
  readonly #scripts = new Map<string, Buffer>()
  #bytes = 0

  constructor(limits: ScriptLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#scripts.size
  }

  /** Remembers a script and returns its SHA-1. One above `scriptBytesMax` is not kept. */
  remember(script: Buffer): string {
    const sha = createHash('sha1').update(script).digest('hex')
    const known = this.#scripts.get(sha)
    if (known !== undefined) {
      this.#scripts.delete(sha)
      this.#scripts.set(sha, known)
      return sha
    }
    if (script.length > this.#limits.scriptBytesMax) return sha
    this.#scripts.set(sha, Buffer.from(script))
    this.#bytes += script.length
    for (const [oldest, bytes] of this.#scripts) {
      const { scriptsMax, scriptBytesMax } = this.#limits
      if (this.#scripts.size <= scriptsMax && this.#bytes <= scriptBytesMax) break
      this.#scripts.delete(oldest)
      this.#bytes -= bytes.length
    }
    return sha
  }

  has(sha: string): boolean {
    return this.#scripts.has(sha.toLowerCase())
  }

  clear(): void {
    this.#scripts.clear()
    this.#bytes = 0
  }

  /** EVALSHA as the EVAL that says the same, or EVALSHA_RO as EVAL_RO; `undefined` for an unknown script. */
  asEval(frame: RequestFrame): Buffer | undefined {
    const script = this.#scripts.get(frame.text(1).toLowerCase())
    if (script === undefined) return undefined
    const name = frame.text(0).toLowerCase() === 'evalsha_ro' ? 'EVAL_RO' : 'EVAL'
    const args: Uint8Array[] = [Buffer.from(name), script]
    for (let at = 2; at < frame.argc; at++) args.push(frame.arg(at))
    return encodeCommand(args)
  }
}
