import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { BackendAccess } from '../../src/index.ts'
import { makeCertificates, temporaryFolder } from '../testing/certificates.ts'
import { bulk } from '../testing/fake-backend.ts'
import { startRouter } from '../testing/fixture.ts'
import { missingRedis, startRedis } from '../testing/redis-server.ts'
import { backendAt, redisPool, topologyMessage } from '../testing/topologies.ts'

async function routerTo(port: number, access: BackendAccess) {
  const fixture = await startRouter({ probeDelayMinMs: 20, probeDelayMaxMs: 40 })
  fixture.router.post(topologyMessage(1, redisPool([{ ...backendAt(port), access }])))
  return fixture
}

describe.skipIf(missingRedis() !== undefined)('access to a backend', () => {
  it('gives a password, with and without a user, before any command', async () => {
    const { port } = await startRedis(
      ...['--requirepass', 'sesame', '--user', 'app', 'on', '>other', '~*', '&*', '+@all'],
    )
    for (const access of [{ password: 'sesame' }, { username: 'app', password: 'other' }]) {
      const { client } = await routerTo(port, access)
      const redis = client()
      redis.send(['SET', 'k', 'v'], ['GET', 'k'])
      expect(await redis.replies(2)).toEqual(['+OK\r\n', bulk('v')])
      await redis.ask('HELLO 3')
      expect(await redis.ask('GET none')).toBe('_\r\n')
    }
  })

  it('says that a password was refused, shows it to nobody, and comes back when it is taken', async () => {
    const { port } = await startRedis('--requirepass', 'sesame')
    const { client, events, router } = await routerTo(port, { password: 'wrong-secret' })
    const redis = client()
    const reply = await redis.ask('SET k v')
    expect(reply).toMatch(/^-ERR pool "cache": .*refused our AUTH \(WRONGPASS/)
    expect(reply + JSON.stringify(events)).not.toContain('wrong-secret')
    // A server that answers PING but refuses us is not back.
    expect(events.map(({ type }) => type)).toEqual(['backend-avoided'])
    const [right] = [{ ...backendAt(port), access: { password: 'sesame' } }]
    router.post(topologyMessage(2, redisPool([right])))
    expect(await redis.ask('SET k v')).toBe('+OK\r\n')
  })

  it('selects the database of a pool on every connection', async () => {
    const { port } = await startRedis('--databases', '4')
    const three = (await routerTo(port, { database: 3 })).client()
    const zero = (await routerTo(port, {})).client()
    expect(await three.ask('SET k in-3')).toBe('+OK\r\n')
    expect(await zero.ask('EXISTS k')).toBe(':0\r\n')
    await three.ask('HELLO 3')
    expect(await three.ask('GET k')).toBe(bulk('in-3'))
    const none = (await routerTo(port, { database: 9 })).client()
    expect(await none.ask('GET k')).toMatch(/refused database 9 \(ERR DB index is out of range/)
  })

  it('reaches a server over a Unix socket', async () => {
    const path = join(temporaryFolder(), 'redis.sock')
    await startRedis('--unixsocket', path)
    const { client } = await routerTo(1, { path })
    const redis = client()
    expect(await redis.ask('SET k v')).toBe('+OK\r\n')
    expect(await redis.ask('GET k')).toBe(bulk('v'))
  })

  it('speaks TLS, checks the certificate, and shows one of its own', async () => {
    const { ca, cert, key, caFile, certFile, keyFile } = makeCertificates()
    const plain = await startRedis()
    await plain.kill()
    await startRedis(
      ...['--tls-port', String(plain.port), '--port', '0', '--tls-auth-clients', 'yes'],
      ...['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', caFile],
    )
    const tls = { ca, cert, key, verify: true }
    const { client } = await routerTo(plain.port, { tls })
    const redis = client()
    const large = 'x'.repeat(300_000)
    redis.send(['SET', 'k', large], ['GET', 'k'])
    expect(await redis.replies(2)).toEqual(['+OK\r\n', bulk(large)])

    const stranger = (await routerTo(plain.port, { tls: { cert, key, verify: true } })).client()
    expect(await stranger.ask('GET k')).toMatch(/cannot be reached \((UNABLE_TO|SELF_SIGNED)/)
    const trusting = (await routerTo(plain.port, { tls: { cert, key, verify: false } })).client()
    expect(await trusting.ask('STRLEN k')).toBe(':300000\r\n')
  })
})
