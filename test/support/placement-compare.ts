import { expect } from 'vitest'

/** Fails with the first few keys on which two placements disagree, and how many there are. */
export function expectAgreement(
  what: string,
  keys: readonly Uint8Array[],
  theirs: readonly string[],
  ours: (key: Uint8Array) => string | undefined,
): void {
  expect(theirs).toHaveLength(keys.length)
  const different: string[] = []
  for (const [i, key] of keys.entries()) {
    const own = ours(key)
    if (own !== theirs[i]) {
      different.push(`${Buffer.from(key).toString('latin1')}: theirs ${theirs[i]}, ours ${own}`)
    }
  }
  expect(different.slice(0, 5), `${what}: ${different.length} of ${keys.length} keys`).toEqual([])
}
