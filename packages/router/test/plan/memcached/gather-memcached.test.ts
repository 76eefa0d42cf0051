import { describe, expect, it } from 'vitest'
import { gatherMemcached } from '../../../src/plan/memcached/gather-memcached.ts'

const part = (text: string, ...ordinals: readonly number[]) => ({
  ordinals,
  bytes: Buffer.from(text),
})
const keys = (...names: readonly string[]) => names.map((name) => Buffer.from(name))
const gather = (...args: Parameters<typeof gatherMemcached>) => gatherMemcached(...args).toString()

describe('one reply made of several', () => {
  it('puts values back in the order of the keys, with one END', () => {
    const parts = [
      part('VALUE c 0 1\r\nC\r\nEND\r\n', 0, 2),
      part('VALUE b 0 1 7\r\nB\r\nVALUE b 0 1 7\r\nB\r\nEND\r\n', 1, 3),
    ]
    expect(gather('values', parts, keys('a', 'b', 'c', 'b'))).toBe(
      'VALUE b 0 1 7\r\nB\r\nVALUE c 0 1\r\nC\r\nVALUE b 0 1 7\r\nB\r\nEND\r\n',
    )
  })

  it('says so when a server answers with keys that nobody asked for', () => {
    const parts = [part('VALUE x 0 1\r\nX\r\nEND\r\n', 0), part('END\r\n', 1)]
    expect(gather('values', parts, keys('a', 'b'))).toMatch(/^SERVER_ERROR /)
  })

  it('gives the first error for the whole', () => {
    const parts = [part('END\r\n', 0), part('SERVER_ERROR out of memory\r\n', 1)]
    expect(gather('values', parts, keys('a', 'b'))).toBe('SERVER_ERROR out of memory\r\n')
  })

  it('tells the version that every server has', () => {
    const parts = [
      part('VERSION 1.6.18\r\n'),
      part('VERSION 1.6.9\r\n'),
      part('VERSION 1.10.0\r\n'),
    ]
    expect(gather('version', parts, [])).toBe('VERSION 1.6.9\r\n')
  })

  it('adds counters, and takes of other numbers the one that makes sense', () => {
    const stats = (uptime: number, gets: number) =>
      `STAT pid ${gets}\r\nSTAT uptime ${uptime}\r\nSTAT version 1.6.18\r\nSTAT rusage_user 0.250000\r\nSTAT cmd_get ${gets}\r\nEND\r\n`
    expect(gather('stats', [part(stats(9, 10)), part(stats(5, 32))], [])).toBe(
      'STAT pid 10\r\nSTAT uptime 5\r\nSTAT version 1.6.18\r\nSTAT rusage_user 0.500000\r\nSTAT cmd_get 42\r\nEND\r\n',
    )
  })
})
