import { type ChildProcess, execFile, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/ports.ts'
import { requireProgram } from '../support/programs.ts'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { nodePorts, spawnRingway } from '../support/ringway.ts'

const run = promisify(execFile)

/** Clients as their users write them, unmodified, over three real servers behind one node with a password. */
describe('real clients', () => {
  let servers: RedisServer[] = []
  let node: ChildProcess | undefined
  let folder = ''
  let port = 0
  let tlsPort = 0
  let log = ''

  beforeAll(async () => {
    servers = await Promise.all((await freePorts(3)).map(startRedis))
    folder = await mkdtemp(join(tmpdir(), 'ringway-clients-'))
    const ports = await nodePorts()
    ;[port = 0, tlsPort = 0] = await freePorts(2)
    makeCertificate(folder)
    const cert = `${folder}/tls.crt`
    const config = join(folder, 'ringway.yml')
    await writeFile(
      config,
      [
        'pools:',
        '  cache:',
        '    protocol: redis',
        '    multiKey: owner',
        '    backends:',
        ...servers.map((server) => `      - { url: "redis://127.0.0.1:${server.port}" }`),
        'listeners:',
        `  - { protocol: redis, bind: "127.0.0.1:${port}", pool: cache, auth: { user: ann, password: secret } }`,
        `  - { protocol: redis, bind: "127.0.0.1:${tlsPort}", pool: cache, tls: { certificates: [{ cert: "${cert}", key: "${folder}/tls.key" }], clientCa: "${cert}" } }`,
      ].join('\n'),
    )
    // Not `startNode`: its --redis would take the place of the listener in the file.
    node = spawnRingway([
      'start',
      ...['--name', 'node-1', '--profile', 'local', '--config', config],
      ...['--gossip', `127.0.0.1:${ports.gossip}`, '--peer', `127.0.0.1:${ports.peer}`],
    ])
    let said = ''
    node.stdout?.on('data', (text) => {
      said += String(text)
    })
    node.stderr?.on('data', (text) => {
      log += String(text)
    })
    await eventually('the node', () => Promise.resolve(said.includes('ringway ready')))
  })
  afterAll(async () => {
    const exited = node === undefined ? undefined : once(node, 'exit')
    node?.kill('SIGKILL')
    await exited
    await Promise.all(servers.map((server) => server.stop()))
    await rm(folder, { recursive: true, force: true })
  })

  test('ioredis: pipelines, transactions, scripts, streams, scans, blocking pop, publish and subscribe', async () => {
    const options = { port, host: '127.0.0.1', username: 'ann', password: 'secret' }
    const redis = new Redis(options)
    const other = new Redis(options)
    const keys = Array.from({ length: 100 }, (_, i) => `io:${i}`)
    const pipeline = redis.pipeline()
    for (const key of keys) pipeline.set(key, key).get(key)
    expect(await pipeline.exec()).toEqual(
      keys.flatMap((key) => [
        [null, 'OK'],
        [null, key],
      ]),
    )
    expect(await redis.mget(...keys)).toEqual(keys)

    expect(await redis.multi().set('{m}1', '1').incr('{m}1').get('{m}1').exec()).toEqual([
      [null, 'OK'],
      [null, 2],
      [null, '2'],
    ])
    await redis.watch('{m}1')
    await other.set('{m}1', '9')
    expect(await redis.multi().incr('{m}1').exec()).toBeNull()

    redis.defineCommand('double', {
      numberOfKeys: 1,
      lua: "return redis.call('INCRBY', KEYS[1], ARGV[1] * 2)",
    })
    const scripted = redis as Redis & { double(key: string, by: number): Promise<number> }
    expect(
      await Promise.all(['x', 'y', 'z'].map((key) => scripted.double(`io:n:${key}`, 4))),
    ).toEqual([8, 8, 8])

    await redis.xadd('io:stream', '1-1', 'f', 'v')
    expect(await redis.xread('COUNT', 1, 'STREAMS', 'io:stream', '0')).toEqual([
      ['io:stream', [['1-1', ['f', 'v']]]],
    ])

    const scanned = new Set<string>()
    for await (const batch of redis.scanStream({ match: 'io:[0-9]*', count: 20 }))
      for (const key of batch as string[]) scanned.add(key)
    expect(scanned).toEqual(new Set(keys))

    const popped = redis.blpop('io:queue', 10)
    await eventually('the pop waits', async () =>
      String(await other.client('LIST')).includes('flags=b'),
    )
    await other.rpush('io:queue', 'job')
    expect(await popped).toEqual(['io:queue', 'job'])

    const subscriber = redis.duplicate()
    const heard: string[] = []
    subscriber.on('message', (channel, text) => heard.push(`${channel} ${text}`))
    subscriber.on('pmessage', (_pattern, channel, text) => heard.push(`p ${channel} ${text}`))
    expect(await subscriber.subscribe('news', 'sport')).toBe(2)
    expect(await subscriber.psubscribe('ne*')).toBe(3)
    expect(await other.publish('news', 'one')).toBe(2)
    expect(await other.publish('sport', 'two')).toBe(1)
    await eventually('messages', () => Promise.resolve(heard.length === 3))
    expect(heard.toSorted()).toEqual(['news one', 'p news one', 'sport two'])
    for (const client of [redis, other, subscriber]) client.disconnect()
  })

  for (const RESP of [2, 3] as const)
    test(`node-redis over RESP${RESP}: the same`, async () => {
      const options = { url: `redis://ann:secret@127.0.0.1:${port}`, RESP }
      const redis = createClient(options)
      const other = createClient(options)
      for (const client of [redis, other]) {
        client.on('error', () => {})
        await client.connect()
      }
      const prefix = `nr${RESP}`
      const keys = Array.from({ length: 50 }, (_, i) => `${prefix}:${i}`)
      await Promise.all(keys.map((key) => redis.set(key, key)))
      expect(await redis.mGet(keys)).toEqual(keys)
      expect(await redis.multi().set(`{${prefix}}1`, '1').incr(`{${prefix}}1`).exec()).toEqual([
        'OK',
        2,
      ])
      await redis.hSet(`${prefix}:h`, { a: '1', b: '2' })
      expect({ ...(await redis.hGetAll(`${prefix}:h`)) }).toEqual({ a: '1', b: '2' })
      expect(await redis.eval('return ARGV[1]', { keys: [keys[0] ?? ''], arguments: ['x'] })).toBe(
        'x',
      )
      const scanned = new Set<string>()
      for await (const batch of redis.scanIterator({ MATCH: `${prefix}:[0-9]*`, COUNT: 10 }))
        for (const key of batch as unknown as string[]) scanned.add(key)
      expect(scanned).toEqual(new Set(keys))
      await redis.xAdd(`${prefix}:s`, '1-1', { f: 'v' })
      expect(JSON.stringify(await redis.xRead({ key: `${prefix}:s`, id: '0' }))).toContain('1-1')

      const popped = redis.blPop(`${prefix}:q`, 10)
      await other.rPush(`${prefix}:q`, 'job')
      expect({ ...(await popped) }).toEqual({ key: `${prefix}:q`, element: 'job' })

      const subscriber = redis.duplicate()
      subscriber.on('error', () => {})
      await subscriber.connect()
      const heard: string[] = []
      await subscriber.subscribe(`${prefix}:news`, (text) => heard.push(text))
      await subscriber.pSubscribe(`${prefix}:n*`, (text) => heard.push(`p ${text}`))
      await other.publish(`${prefix}:news`, 'one')
      await eventually('messages', () => Promise.resolve(heard.length === 2))
      for (const client of [redis, other, subscriber]) client.destroy()
    })

  test('redis-cli and redis-benchmark', async (context) => {
    const cli = requireProgram(context, 'redis-cli')
    const benchmark = requireProgram(context, 'redis-benchmark')
    const login = ['-p', String(port), '--user', 'ann', '--pass', 'secret']
    const ask = async (...words: string[]) =>
      (await run(cli, [...login, '--no-auth-warning', ...words])).stdout.trim()
    expect(await ask('SET', 'cli', '1')).toBe('OK')
    expect(await ask('-3', 'HGETALL', 'nosuch')).toBe('')
    expect((await ask('--scan', '--pattern', 'cl?')).split('\n')).toEqual(['cli'])
    const { stdout, stderr } = await run(benchmark, [
      ...['-p', String(port), '--user', 'ann', '-a', 'secret'],
      ...['-t', 'set,get,incr,lpush,rpop,sadd,hset,zadd,mset', '-n', '2000', '-q'],
    ])
    expect(stderr).toBe('')
    expect(stdout).not.toMatch(/error/i)
  })

  test('over TLS with a certificate of their own: redis-cli, ioredis, node-redis; without one nobody is let in, and the log says why', async (context) => {
    const cli = requireProgram(context, 'redis-cli')
    const [cert, key] = ['tls.crt', 'tls.key'].map((name) => join(folder, name)) as [string, string]
    const trusting = ['-p', String(tlsPort), '--tls', '--cacert', cert]
    const ask = async (...words: string[]) =>
      (await run(cli, [...trusting, ...words])).stdout.trim()
    expect(await ask('--cert', cert, '--key', key, 'SET', 'tls', '1')).toBe('OK')

    const [certText, keyText] = await Promise.all([cert, key].map((path) => readFile(path, 'utf8')))
    const tls = { ca: certText, cert: certText, key: keyText } as Record<string, string>
    const redis = new Redis({ host: '127.0.0.1', port: tlsPort, tls })
    const large = 'x'.repeat(300_000)
    expect(await redis.pipeline().set('tls:io', large).get('tls:io').exec()).toEqual([
      [null, 'OK'],
      [null, large],
    ])
    redis.disconnect()
    const client = createClient({
      RESP: 3,
      socket: { host: '127.0.0.1', port: tlsPort, tls: true, ...tls },
    })
    client.on('error', () => {})
    await client.connect()
    expect(await client.mGet(['tls', 'tls:io'])).toEqual(['1', large])
    client.destroy()

    await expect(ask('GET', 'tls')).rejects.toThrow()
    await eventually('the log', () =>
      Promise.resolve(log.includes('a client was refused: it showed no certificate')),
    )
    await expect(run(cli, ['-p', String(tlsPort), 'GET', 'tls'])).rejects.toThrow()
  })
})

/** A certificate for 127.0.0.1 that vouches for itself: it is the authority, that of the node, and that of its clients. */
function makeCertificate(folder: string): void {
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-subj', '/CN=ringway test', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'],
      ...['-keyout', join(folder, 'tls.key'), '-out', join(folder, 'tls.crt')],
    ],
    { stdio: 'ignore' },
  )
}
