import { setTimeout as pause } from 'node:timers/promises'

const POLL_MS = 20

/**
 * Waits for a condition: calls `check` until it returns something other than undefined and false, or does not throw.
 * A deadline, not a sleep: it returns as soon as the condition holds, and fails with the last reason.
 */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
  { timeoutMs = 20_000 }: { readonly timeoutMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  let last: unknown = 'the condition did not hold'
  while (performance.now() < deadline) {
    try {
      const value = await check()
      if (value !== undefined && value !== false) return value
    } catch (error) {
      last = error
    }
    await pause(POLL_MS)
  }
  throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: last })
}
