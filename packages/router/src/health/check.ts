/**
 * What active checks say of one backend, as data: it is up until `fall` checks in a row failed, then down until `rise` in a
 * row passed, as in HAProxy.
 */
export interface CheckRecord {
  readonly up: boolean
  /** Checks in a row that said the opposite. */
  readonly against: number
  /** Checks that were made; 0 means that nothing is known. */
  readonly made: number
}

export interface CheckLimits {
  /** Checks in a row that have to pass before a backend that is down is up. */
  readonly rise: number
  /** Checks in a row that have to fail before a backend that is up is down. */
  readonly fall: number
}

export const UNCHECKED: CheckRecord = { up: true, against: 0, made: 0 }

/** The record after one more check. */
export function recordCheck(
  record: CheckRecord,
  passed: boolean,
  { rise, fall }: CheckLimits,
): CheckRecord {
  const made = record.made + 1
  if (passed === record.up) return { up: record.up, against: 0, made }
  const against = record.against + 1
  const turned = against >= (passed ? rise : fall)
  return turned ? { up: passed, against: 0, made } : { up: record.up, against, made }
}

/** Share of the interval by which checks are spread, so that routers do not check together. */
export const CHECK_JITTER = 0.2

/** A backend that is down is checked so many times as often: a restart should not cost it two whole intervals. */
export const CHECKS_WHILE_DOWN = 4

/**
 * Milliseconds until the next check; the first one comes anywhere within the interval.
 * @param random in [0, 1)
 */
export function checkDelayMs(intervalMs: number, record: CheckRecord, random: number): number {
  if (record.made === 0) return intervalMs * random
  const ms = record.up ? intervalMs : intervalMs / CHECKS_WHILE_DOWN
  return ms * (1 - CHECK_JITTER + 2 * CHECK_JITTER * random)
}
