import type { PoolDriver } from '@ringway/router'
import { describe, expect, test } from 'vitest'
import { createLearnedSessions } from '../../src/store/learned-sessions.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

/** A store that answers with these replies, one after the other, and the last one for ever. */
function store(...replies: readonly string[]) {
  const asked: string[] = []
  const driver: Pick<PoolDriver, 'dispatch'> = {
    dispatch(command, sink, part) {
      const reply = replies[Math.min(asked.length, replies.length - 1)] ?? ''
      asked.push(command.name)
      setImmediate(() => sink.reply(part, bytes(reply)))
    },
  }
  const errors: unknown[] = []
  const sessions = createLearnedSessions(driver as PoolDriver, (error) => errors.push(error))
  return { asked, errors, sessions }
}

describe('learned sessions in the store', () => {
  test('are asked for again when the store cannot answer yet: a wrong backend would end them', async () => {
    const { asked, errors, sessions } = store(
      '-TRYAGAIN slots move\r\n',
      '-ERR no answer in time\r\n',
      '$1\r\nb\r\n',
      ':80000000\r\n',
    )
    const found = await new Promise((resolve) => sessions.get('app', 'sid', resolve))
    expect(found).toBe('b')
    expect(asked).toEqual(['get', 'get', 'get', 'pttl'])
    expect(errors).toEqual([])
  })

  test('are kept again when a write may not have been applied', async () => {
    const { asked, errors, sessions } = store('-ERR too few copies in time\r\n', '+OK\r\n')
    await new Promise<void>((resolve) => sessions.put('app', 'sid', 'b', resolve))
    expect(asked).toEqual(['set', 'set'])
    expect(errors).toEqual([])
  })

  test('count as not known in the end, and that is told', async () => {
    const { errors, sessions } = store('-CLUSTERDOWN for good\r\n')
    const found = await new Promise((resolve) => sessions.get('app', 'sid', resolve))
    expect(found).toBeUndefined()
    expect(errors).toHaveLength(1)
  })
})
