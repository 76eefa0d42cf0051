import { check } from '../harness.ts'
import type { Contender } from '../load/contender.ts'
import { exchange } from '../load/exchange.ts'

const BATCH = 1_000
const DIGITS = 8

export function keyOf(index: number): string {
  return `key:${String(index).padStart(DIGITS, '0')}`
}

/** One value in the reply to `get`. */
export function block(index: number, value: string): string {
  return `VALUE ${keyOf(index)} 0 ${value.length}\r\n${value}\r\n`
}

/** Stores all keys and reads them back, one by one and ten at a time. Figures of wrong answers are worth nothing. */
export async function storeAndCheck(
  { name, port }: Contender,
  keys: number,
  valueBytes: number,
): Promise<void> {
  const valueAt = (index: number) => String(index).padEnd(valueBytes, 'x')
  const batches = Array.from({ length: keys / BATCH }, (_, batch) => {
    const all = Array.from({ length: BATCH }, (_each, i) => batch * BATCH + i)
    return {
      ask: [
        ...all.map((index) => `set ${keyOf(index)} 0 0 ${valueBytes}\r\n${valueAt(index)}\r\n`),
        ...all.map((index) => `get ${keyOf(index)}\r\n`),
        `get ${all.slice(0, 10).map(keyOf).join(' ')}\r\n`,
      ].join(''),
      expect: [
        ...all.map(() => 'STORED\r\n'),
        ...all.map((index) => `${block(index, valueAt(index))}END\r\n`),
      ].join(''),
      ten: all.slice(0, 10).map((index) => block(index, valueAt(index))),
    }
  })
  // nutcracker answers a split `get` in the order of its servers, which the protocol allows: the values are compared sorted.
  const exchanges = batches.map(({ ask, expect, ten }) => ({
    ask,
    expect: `${expect}${ten.join('')}END\r\n`,
    values: ten,
    before: expect,
  }))
  let at = 0
  await exchange(port, exchanges, (_right, said) => {
    const { before, values } = exchanges[at++] ?? { before: '', values: [] }
    const last = said.slice(before.length, -'END\r\n'.length)
    const found = last.split(/(?=VALUE )/).sort()
    const right = said.startsWith(before) && found.join('') === [...values].sort().join('')
    check(right, `${name} does not answer as memcached does: ${said.slice(0, 80)}`)
  })
}
