import { expect, test } from 'vitest'
import { createRouter, type ListenerAuth } from '../../src/index.ts'
import { bulk, named } from '../testing/fake-backend.ts'
import { onCleanup, startBackend } from '../testing/fixture.ts'
import { RedisClient } from '../testing/redis-client.ts'
import { backendAt, redisPool, topologyMessage } from '../testing/topologies.ts'

async function clientsOf(auth: readonly ListenerAuth[]): Promise<() => RedisClient> {
  const router = createRouter()
  onCleanup(() => router.close({ drainTimeoutMs: 1 }))
  const { port } = await startBackend(named('a'))
  router.post(topologyMessage(1, redisPool([backendAt(port)])))
  const place = { protocol: 'redis', host: '127.0.0.1', port: 0, pool: 'cache' } as const
  const listener = await router.listen({ ...place, auth })
  return () => {
    const client = new RedisClient(listener.port)
    onCleanup(() => {
      client.socket.destroy()
    })
    return client
  }
}

const OK = '+OK\r\n'
const WRONG = expect.stringMatching(/^-WRONGPASS /)

test('one password, as requirepass: it is that of the user default', async () => {
  const client = await clientsOf([{ password: 'sesame' }])
  const redis = client()
  expect(await redis.ask('GET k')).toBe('-NOAUTH Authentication required.\r\n')
  expect(await redis.ask('AUTH wrong')).toEqual(WRONG)
  expect(await redis.ask('AUTH nobody sesame')).toEqual(WRONG)
  expect(await redis.ask('GET k')).toMatch(/^-NOAUTH/)
  expect(await redis.ask('AUTH sesame')).toBe(OK)
  expect(await redis.ask('GET k')).toBe(bulk('a:k'))
  expect(await client().ask('AUTH default sesame')).toBe(OK)
})

test('several users, each with a password, and one with two', async () => {
  const client = await clientsOf([
    { user: 'ann', password: 'first' },
    { user: 'ann', password: 'second' },
    { user: 'jörg', password: 'größer' },
  ])
  for (const login of [
    'AUTH ann first',
    'AUTH ann second',
    'AUTH jörg größer',
    'HELLO 2 AUTH ann second',
  ]) {
    const redis = client()
    expect(await redis.ask(login), login).not.toMatch(/^-/)
    expect(await redis.ask('GET k'), login).toBe(bulk('a:k'))
  }
  for (const login of ['AUTH ann größer', 'AUTH jörg first', 'AUTH first', 'AUTH default first'])
    expect(await client().ask(login), login).toEqual(WRONG)
  // A user and a password that look like another pair when they are put together.
  expect(await client().ask('AUTH an nfirst')).toEqual(WRONG)
})

test('nobody is asked without a login; then the user default has any password, and no other user exists', async () => {
  const client = await clientsOf([])
  const redis = client()
  expect(await redis.ask('GET k')).toBe(bulk('a:k'))
  expect(await redis.ask('AUTH default anything')).toBe(OK)
  expect(await redis.ask('AUTH anything')).toMatch(/^-ERR AUTH <password> called without any/)
  expect(await redis.ask('AUTH ann anything')).toEqual(WRONG)
})
