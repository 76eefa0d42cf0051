/** Asks until the answer is this one; the last answer when it is not in time. */
export async function until<T>(
  ask: () => Promise<T> | T,
  good: (answer: T) => boolean,
  timeoutMs = 15_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const answer = await ask()
    if (good(answer) || performance.now() > deadline) return answer
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
