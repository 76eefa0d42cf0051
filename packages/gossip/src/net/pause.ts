/**
 * Waits, or less when one of the signals fires.
 * @returns true when the whole time has passed
 */
export function pause(
  waitMs: number,
  signals: readonly (AbortSignal | undefined)[],
): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (isOver: boolean) => {
      clearTimeout(timer)
      for (const signal of signals) signal?.removeEventListener('abort', stop)
      resolve(isOver)
    }
    const stop = () => settle(false)
    const timer = setTimeout(() => settle(true), waitMs)
    for (const signal of signals) {
      signal?.addEventListener('abort', stop, { once: true })
      if (signal?.aborted) stop()
    }
  })
}
