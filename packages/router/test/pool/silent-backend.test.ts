import { describe, expect, it } from 'vitest'
import { type Behaviour, named } from '../testing/fake-backend.ts'
import { startStaticRouter } from '../testing/fixture.ts'

const silent: Behaviour = () => undefined

describe('a backend that stops answering', () => {
  it('holds what its limits allow of fifty pipelining clients; every error names pool, backend and cause', async () => {
    const limits = {
      backendQueueMax: 1_000,
      backendQueueBytesMax: 1_000_000,
      replyTimeoutMs: 1_000,
      connectTimeoutMs: 200,
    }
    const { client, router, backends } = await startStaticRouter([silent], limits)
    const clients = Array.from({ length: 50 }, () => client())
    const value = 'x'.repeat(500)
    const commands = Array.from({ length: 100 }, (_, i) => ['SET', `k${i}`, value])
    for (const each of clients) each.send(...commands)
    const id = `127.0.0.1:${backends[0]?.port}`
    const replies = (await Promise.all(clients.map((each) => each.replies(100)))).flat()
    expect(replies).toHaveLength(5_000)
    const full = replies.filter((reply) => reply.includes('which is its limit'))
    expect(full.length).toBeGreaterThanOrEqual(4_000)
    for (const reply of replies) expect(reply).toMatch(/^-ERR pool "cache": .*backend /)
    for (const reply of full)
      expect(reply).toMatch(new RegExp(`^-ERR pool "cache": backend ${id} has \\d+ commands`))
    expect(replies.some((reply) => reply.includes('did not answer within 1000 ms'))).toBe(true)
    expect(router.counters().pools['cache']?.backends[id]?.inFlight).toBe(0)
  })
})

describe('private connections that nobody uses', () => {
  it('are kept up to privateIdleMax for the next client, and not one more', async () => {
    const transactions: Behaviour = ([command = '', ...more], socket) => {
      const name = command.toUpperCase()
      if (name === 'EXEC') return '*0\r\n'
      return name === 'WATCH' || name === 'UNWATCH'
        ? '+OK\r\n'
        : named('a')([command, ...more], socket)
    }
    const { client, backends } = await startStaticRouter([transactions], { privateIdleMax: 2 })
    const clients = [client(), client(), client()]
    for (const each of clients) expect(await each.ask('WATCH k')).toBe('+OK\r\n')
    expect(backends[0]?.connections).toBe(3)
    for (const each of clients) expect(await each.ask('UNWATCH')).toBe('+OK\r\n')
    const deadline = performance.now() + 5_000
    while (backends[0]?.connections !== 2 && performance.now() < deadline)
      await new Promise((resolve) => setImmediate(resolve))
    expect(backends[0]?.connections).toBe(2)
    for (const each of clients.slice(1)) expect(await each.ask('WATCH k')).toBe('+OK\r\n')
    expect(backends[0]?.connections).toBe(2)
  })
})
