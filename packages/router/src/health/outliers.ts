import { ejectionCap } from './ejection-cap.ts'

export interface OutlierLimits {
  /** Failures in a row that eject a backend. */
  readonly failuresMax: number
  /** Share of failures within one window that ejects it, in percent; above 100: never. */
  readonly failurePercentMax: number
  /** Answers within a window below which its share says nothing. */
  readonly windowAnswersMin: number
  readonly windowMs: number
  /** The first ejection; it doubles with each further one, up to `ejectMsMax`. */
  readonly ejectMsMin: number
  readonly ejectMsMax: number
  /** Share of the pool that may be ejected, in percent. The last backend never is. */
  readonly ejectPercentMax: number
}

export const OUTLIER_LIMITS: OutlierLimits = {
  failuresMax: 5,
  failurePercentMax: 50,
  windowAnswersMin: 20,
  windowMs: 10_000,
  ejectMsMin: 2_000,
  ejectMsMax: 300_000,
  ejectPercentMax: 50,
}

interface Answers {
  failuresInARow: number
  windowEndsAt: number
  answers: number
  failures: number
  ejections: number
  /** 0 when it is not ejected. */
  ejectedUntil: number
}

/** What one answer changed. */
export type OutlierChange = 'none' | 'ejected'

/**
 * Finds backends that answer, but badly (5xx, or too slow for their timeout), which a circuit does not see. Each ejection lasts
 * longer than the one before; a window without trouble takes one back.
 */
export class Outliers {
  #limits: OutlierLimits
  readonly #answers = new Map<string, Answers>()
  #ejected = 0

  constructor(limits: OutlierLimits = OUTLIER_LIMITS) {
    this.#limits = limits
  }

  /** Takes other limits; those that are ejected stay so until their time is over. */
  setLimits(limits: OutlierLimits): void {
    this.#limits = limits
  }

  /** Takes the backends of the pool; what is known of those that stay is kept. */
  follow(ids: readonly string[]): void {
    const wanted = new Set(ids)
    for (const [id, { ejectedUntil }] of this.#answers) {
      if (wanted.has(id)) continue
      if (ejectedUntil > 0) this.#ejected--
      this.#answers.delete(id)
    }
    for (const id of ids) if (!this.#answers.has(id)) this.#answers.set(id, noAnswers())
  }

  /**
   * Counts one answer; O(1). An unknown id changes nothing.
   * @param last true when no other backend could take its work: it stays, whatever it answers
   */
  record(id: string, failed: boolean, now: number, last = false): OutlierChange {
    const answers = this.#answers.get(id)
    if (answers === undefined || answers.ejectedUntil > 0) return 'none'
    this.#turnWindow(answers, now)
    answers.answers++
    answers.failuresInARow = failed ? answers.failuresInARow + 1 : 0
    if (!failed) return 'none'
    answers.failures++
    if (last || !this.#isOutlier(answers) || !this.#mayEject()) return 'none'
    this.#eject(answers, now)
    return 'ejected'
  }

  /** Counts answers that were good, at once; O(1). */
  recordGood(id: string, count: number, now: number): void {
    const answers = this.#answers.get(id)
    if (answers === undefined || count === 0 || answers.ejectedUntil > 0) return
    this.#turnWindow(answers, now)
    answers.answers += count
    answers.failuresInARow = 0
  }

  /**
   * It was gone and is there again: what answers now is another process, whose answers are not known. How often it was ejected
   * is kept, so that one that comes and goes is ejected for longer each time.
   */
  restarted(id: string): void {
    const answers = this.#answers.get(id)
    if (answers === undefined) return
    if (answers.ejectedUntil > 0) this.#ejected--
    answers.ejectedUntil = 0
    answers.failuresInARow = 0
    answers.answers = 0
    answers.failures = 0
  }

  /** Milliseconds until an ejected backend may return; 0 for any other. */
  ejectedMs(id: string, now: number): number {
    return Math.max(0, (this.#answers.get(id)?.ejectedUntil ?? 0) - now)
  }

  isEjected(id: string): boolean {
    return (this.#answers.get(id)?.ejectedUntil ?? 0) > 0
  }

  /** Lets those return whose time is over, and names them. */
  tick(now: number): readonly string[] {
    if (this.#ejected === 0) return NOBODY
    const returned: string[] = []
    for (const [id, answers] of this.#answers) {
      if (answers.ejectedUntil === 0 || answers.ejectedUntil > now) continue
      answers.ejectedUntil = 0
      this.#ejected--
      returned.push(id)
    }
    return returned
  }

  #isOutlier({ failuresInARow, answers, failures }: Answers): boolean {
    const { failuresMax, failurePercentMax, windowAnswersMin } = this.#limits
    if (failuresInARow >= failuresMax) return true
    return answers >= windowAnswersMin && failures * 100 > answers * failurePercentMax
  }

  #mayEject(): boolean {
    return this.#ejected < ejectionCap(this.#answers.size, this.#limits.ejectPercentMax)
  }

  #eject(answers: Answers, now: number): void {
    const { ejectMsMin, ejectMsMax } = this.#limits
    answers.ejections++
    const doublings = Math.min(answers.ejections - 1, DOUBLINGS_MAX)
    answers.ejectedUntil = now + Math.min(ejectMsMin * 2 ** doublings, ejectMsMax)
    answers.failuresInARow = 0
    answers.answers = 0
    answers.failures = 0
    this.#ejected++
  }

  #turnWindow(answers: Answers, now: number): void {
    if (now < answers.windowEndsAt) return
    if (answers.failures === 0 && answers.answers > 0 && answers.ejections > 0) answers.ejections--
    answers.windowEndsAt = now + this.#limits.windowMs
    answers.answers = 0
    answers.failures = 0
  }
}

const NOBODY: readonly string[] = []
/** 2 ** 30 times the first ejection is beyond every sensible maximum; more would only lose precision. */
const DOUBLINGS_MAX = 30

function noAnswers(): Answers {
  return {
    failuresInARow: 0,
    windowEndsAt: Number.NEGATIVE_INFINITY,
    answers: 0,
    failures: 0,
    ejections: 0,
    ejectedUntil: 0,
  }
}
