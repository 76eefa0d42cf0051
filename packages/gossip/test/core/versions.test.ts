import { expect, test } from 'vitest'
import { versionsFault, versionsMismatch } from '../../src/core/versions.ts'

const PLAIN = [1, 5, 2, 0, 0, 0]
const SERF = [2, 5, 4]

const judge = (theirs: readonly number[], ours: readonly number[]) =>
  versionsMismatch(Uint8Array.from(theirs), Uint8Array.from(ours))

test.each([
  ['plain with plain', PLAIN, PLAIN, true],
  ['Serf with Serf', [1, 5, 2, ...SERF], [1, 5, 2, 2, 5, 5], true],
  ['plain joins Serf', PLAIN, [1, 5, 2, ...SERF], false],
  ['Serf joins plain', [1, 5, 2, ...SERF], PLAIN, false],
  ['a wide range fits in Serf', [1, 5, 2, 0, 255, 4], [1, 5, 2, ...SERF], true],
  ['a wide range fits in plain', [1, 5, 2, 0, 255, 0], PLAIN, true],
  ['they speak what we do not understand', [1, 6, 6, 0, 0, 0], PLAIN, false],
  ['we speak what they do not understand', [3, 5, 3, 0, 0, 0], PLAIN, false],
] as const)('%s', (_, theirs, ours, fits) => {
  expect(judge(theirs, ours) === undefined).toBe(fits)
  // Understanding is mutual.
  expect(judge(ours, theirs) === undefined).toBe(fits)
})

test.each([
  [[1, 5, 2, 0, 0], false],
  [[1, 5, 2, 0, 0, 0], true],
  [[1, 5, 2, 0, 0, 0, 0], false],
  [[], false],
  [[0, 5, 2, 0, 0, 0], false],
  [[0, 0, 0, 0, 0, 0], false],
  [[5, 1, 2, 0, 0, 0], false],
])('%j is usable: %s', (bytes, usable) => {
  expect(versionsFault(Uint8Array.from(bytes)) === undefined).toBe(usable)
})
