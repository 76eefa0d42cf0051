import { check } from '../harness.ts'
import type { Contender } from '../load/contender.ts'
import { exchange } from '../load/exchange.ts'

const BATCH = 1_000

/** The key with this number, as redis-benchmark writes it. */
export function keyOf(index: number): string {
  return `key:${String(index).padStart(12, '0')}`
}

export function encode(words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => bulk(word)).join('')}`
}

export function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`
}

/** Stores all keys and reads them back, one by one and ten at a time. Figures of wrong answers are worth nothing. */
export async function storeAndCheck(
  { name, port }: Contender,
  keys: number,
  valueBytes: number,
): Promise<void> {
  const valueAt = (index: number) => String(index).padEnd(valueBytes, 'x')
  const batches: { readonly ask: string; readonly expect: string }[] = []
  for (let from = 0; from < keys; from += BATCH) {
    const all = Array.from({ length: BATCH }, (_, i) => from + i)
    const tens = all.filter((index) => index % 10 === 0)
    const ten = (index: number) => Array.from({ length: 10 }, (_, i) => index + i)
    batches.push({
      ask: [
        ...all.map((index) => encode(['SET', keyOf(index), valueAt(index)])),
        ...all.map((index) => encode(['GET', keyOf(index)])),
        ...tens.map((index) => encode(['MGET', ...ten(index).map(keyOf)])),
      ].join(''),
      expect: [
        ...all.map(() => '+OK\r\n'),
        ...all.map((index) => bulk(valueAt(index))),
        ...tens.map(
          (index) =>
            `*10\r\n${ten(index)
              .map((each) => bulk(valueAt(each)))
              .join('')}`,
        ),
      ].join(''),
    })
  }
  await exchange(port, batches, (right, said) =>
    check(right, `${name} does not answer as Redis does: ${said.slice(0, 80)}`),
  )
}
