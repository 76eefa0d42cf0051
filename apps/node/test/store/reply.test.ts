import { expect, test } from 'vitest'
import { readReply, StoreReplyError } from '../../src/store/reply.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

test('reads every kind of reply that the store gives', () => {
  expect(readReply(bytes('+OK\r\n'))).toBe('OK')
  expect(readReply(bytes(':-42\r\n'))).toBe(-42)
  expect(readReply(bytes('$-1\r\n'))).toBeNull()
  expect(readReply(bytes('$4\r\na\r\nb\r\n'))).toEqual(bytes('a\r\nb'))
  expect(readReply(bytes('*3\r\n$1\r\na\r\n*1\r\n:1\r\n$-1\r\n'))).toEqual([bytes('a'), [1], null])
})

test('an error reply is thrown with its code', () => {
  const read = () => readReply(bytes('-OOM command not allowed\r\n'))
  expect(read).toThrow(StoreReplyError)
  expect(read).toThrow(expect.objectContaining({ code: 'OOM', message: 'OOM command not allowed' }))
})
