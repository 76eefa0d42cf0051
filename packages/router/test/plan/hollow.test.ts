import { describe, expect, it } from 'vitest'
import { isHollow } from '../../src/plan/hollow.ts'

const hollow = (reply: string): boolean => {
  const bytes = Buffer.from(`xx${reply}yy`)
  return isHollow(bytes, 2, bytes.length - 2)
}

describe('a reply that may mean that there is no such key', () => {
  it.each([
    '$-1\r\n',
    '*-1\r\n',
    '_\r\n',
    ':0\r\n',
    ':-2\r\n',
    '$0\r\n\r\n',
    '+none\r\n',
    '*0\r\n',
    '%0\r\n',
    '~0\r\n',
    '#f\r\n',
    ',0\r\n',
    '-ERR no such key\r\n',
    '*2\r\n$-1\r\n:0\r\n',
    '*2\r\n$0\r\n\r\n$0\r\n\r\n',
    '*1\r\n*2\r\n_\r\n_\r\n',
  ])('%j', (reply) => expect(hollow(reply)).toBe(true))

  it.each([
    '$1\r\n0\r\n',
    '$10\r\n0123456789\r\n',
    ':1\r\n',
    ':10\r\n',
    '+string\r\n',
    '+OK\r\n',
    '+nonesuch\r\n',
    '#t\r\n',
    ',inf\r\n',
    ',0.5\r\n',
    '*2\r\n$-1\r\n$1\r\na\r\n',
    '*3\r\n$0\r\n\r\n:0\r\n:3\r\n',
    '=5\r\ntxt:a\r\n',
  ])('is not %j', (reply) => expect(hollow(reply)).toBe(false))
})
