import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createMemberlist, type Memberlist, type MemberlistOptions } from '../src/index.ts'

const made: Memberlist[] = []
afterEach(async () => {
  await Promise.all(made.splice(0).map((list) => list.close()))
})

/** Members of these tests are Ringway's: they carry a version and an instance. */
async function create(name: string, options: Partial<MemberlistOptions> = {}): Promise<Memberlist> {
  const list = await createMemberlist({
    name,
    bind: { host: '127.0.0.1', port: 0 },
    profile: 'local',
    tags: { v: '1', i: name },
    ...options,
  })
  made.push(list)
  return list
}

const seed = (list: Memberlist) => `127.0.0.1:${list.bound.port}`
const view = (list: Memberlist) =>
  list
    .members()
    .map(({ name, state }) => `${name} ${state}`)
    .sort()

const WAIT = { timeout: 20_000, interval: 20 }

async function pair(options: Partial<MemberlistOptions> = {}): Promise<[Memberlist, Memberlist]> {
  const [a, b] = await Promise.all([create('a', options), create('b', options)])
  expect(await b.join([seed(a)])).toEqual({ joined: 1, errors: [] })
  await vi.waitFor(() => expect(view(a)).toEqual(['a alive', 'b alive']), WAIT)
  return [a, b]
}

describe('a memberlist', () => {
  it('is a cluster of one before it joins', async () => {
    const a = await create('a')
    expect(a.members()).toEqual([
      {
        name: 'a',
        address: a.address,
        state: 'alive',
        incarnation: 1,
        tags: { v: '1', i: 'a' },
        protocol: { min: 1, max: 5, current: 2 },
        delegate: { min: 0, max: 0, current: 0 },
        isSelf: true,
      },
    ])
    await a.leave()
    expect(view(a)).toEqual(['a left'])
  })

  it('joins, sees tags change, and hears a goodbye', async () => {
    const [a, b] = await pair()
    const events: string[] = []
    a.on('update', ({ member, previousTags }) =>
      events.push(`${previousTags['s']} → ${member.tags['s']}`),
    )
    a.on('leave', ({ member }) => events.push(`${member.name} left`))
    b.setTags({ v: '1', i: 'b', s: 'draining' })
    await vi.waitFor(() => expect(events).toEqual(['undefined → draining']), WAIT)
    await b.leave()
    await vi.waitFor(() => expect(events).toEqual(['undefined → draining', 'b left']), WAIT)
    expect(a.member('b')?.state).toBe('left')
    await b.close()
    await b.close()
    expect(() => b.setTags({})).toThrow(/closed/)
  })

  it('declares a member dead that has gone without a word', async () => {
    const [a, b] = await pair({ tuning: { probeIntervalMs: 100, probeTimeoutMs: 50 } })
    const reading = (async () => {
      const types: string[] = []
      for await (const event of a.events()) {
        types.push(event.type)
        if (event.type === 'fail') break
      }
      return types
    })()
    await b.close()
    expect(await reading).toEqual(expect.arrayContaining(['suspect', 'fail']))
    expect(a.member('b')?.state).toBe('dead')
  })

  it('carries user messages of any size to kin, and to nobody else', async () => {
    const [a, b] = await pair()
    const stranger = await create('stranger', { tags: {} })
    await stranger.join([seed(a)])
    await vi.waitFor(() => expect(view(b)).toContain('stranger alive'), WAIT)
    const received: number[] = []
    a.onUser((bytes) => received.push(bytes.length))
    stranger.onUser((bytes) => received.push(-bytes.length))
    expect(b.sendUser('a', new Uint8Array(3))).toBe(true)
    expect(b.sendUser('a', new Uint8Array(100_000))).toBe(true)
    expect(b.sendUser('stranger', new Uint8Array(3))).toBe(false)
    expect(b.sendUser('nobody', new Uint8Array(3))).toBe(false)
    expect(() => b.sendUser('a', new Uint8Array(20 * 1_048_576))).toThrow(/limit/)
    await vi.waitFor(() => expect(received.sort()).toEqual([100_000, 3]), WAIT)
    expect(stranger.stats().userMessagesIn + stranger.stats().userMessagesForeign).toBe(0)
  })

  it('moves to encryption while it runs, one step on all members before the next', async () => {
    const [a, b] = await pair()
    const key = new Uint8Array(16).fill(7)
    const steps = [
      (list: Memberlist) => {
        list.setVerification({ incoming: false, outgoing: false })
        list.keyring.install(key)
      },
      (list: Memberlist) => list.setVerification({ outgoing: true }),
      (list: Memberlist) => list.setVerification({ incoming: true }),
    ]
    for (const [index, step] of steps.entries()) {
      step(a)
      // One side is a step ahead of the other, and they understand each other both ways.
      for (const list of [a, b]) list.setTags({ v: '1', i: list.name, step: `${index} ahead` })
      await vi.waitFor(() => {
        expect(a.member('b')?.tags['step']).toBe(`${index} ahead`)
        expect(b.member('a')?.tags['step']).toBe(`${index} ahead`)
      }, WAIT)
      step(b)
    }
    const plain = await create('c')
    // The answer is sealed, and c has no key to read it.
    expect((await plain.join([seed(a)])).errors[0]?.error).toMatchObject({
      code: 'WIRE_UNEXPECTED_ENCRYPTED',
    })
    expect(a.stats().decodeErrors.WIRE_NOT_ENCRYPTED).toBe(1)
  })

  it('encrypts, rotates its key while running, and shuts strangers out', async () => {
    const [first, second] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
    const [a, b] = await pair({ keys: [first], label: 'prod' })
    const stranger = await create('stranger', { label: 'prod' })
    const refused = await stranger.join([seed(a)])
    expect(refused.joined).toBe(0)
    expect(String(refused.errors[0]?.error)).toMatch(/WIRE_UNEXPECTED_ENCRYPTED/)
    const unlabelled = await create('unlabelled', { keys: [first] })
    expect((await unlabelled.join([seed(a)])).errors[0]?.error).toMatchObject({
      code: 'GOSSIP_STREAM_CLOSED',
    })
    for (const list of [a, b]) list.keyring.install(second)
    for (const list of [a, b]) list.keyring.use(second)
    for (const list of [a, b]) list.keyring.remove(first)
    const c = await create('c', { keys: [second], label: 'prod' })
    expect((await c.join([seed(a)])).joined).toBe(1)
    await vi.waitFor(() => expect(view(b)).toEqual(['a alive', 'b alive', 'c alive']), WAIT)
  })

  it('does not join where its delegate versions would do harm, and says what to set', async () => {
    const a = await create('a', { delegate: 'serf' })
    const b = await create('b')
    const { joined, errors } = await b.join([seed(a)])
    expect(joined).toBe(0)
    expect(errors[0]?.error).toMatchObject({ code: 'GOSSIP_DELEGATE_MISMATCH' })
    expect(errors[0]?.error.message).toContain('--delegate serf')
    expect(view(a)).toEqual(['a alive'])
    expect(view(b)).toEqual(['b alive'])
  })

  it('does not take a name that somebody lives under, but one whose owner is gone', async () => {
    const [a, b] = await pair()
    const second = await create('b')
    const { errors } = await second.join([seed(a)])
    expect(errors[0]?.error).toMatchObject({ code: 'GOSSIP_NAME_TAKEN' })
    expect(errors[0]?.error.message).toContain(seed(b))
    await b.close()
    expect((await second.join([seed(a)])).joined).toBe(1)
    await vi.waitFor(() => {
      expect(a.member('b')).toMatchObject({ state: 'alive', address: second.address })
    }, WAIT)
  })

  it('names seeds that are not understood, do not resolve, or do not answer', async () => {
    const a = await create('a', {
      resolver: { addresses: async () => [], srv: async () => [] },
    })
    const { joined, errors } = await a.join(['', 'nobody.test:1', '127.0.0.1:1', seed(a)])
    expect(joined).toBe(0)
    expect(
      Object.fromEntries(errors.map((e) => [e.seed, 'code' in e.error && e.error.code])),
    ).toEqual({
      '': 'GOSSIP_SEED_INVALID',
      'nobody.test:1': 'GOSSIP_SEED_UNRESOLVED',
      '127.0.0.1:1': 'GOSSIP_UNREACHABLE',
    })
    await expect(a.join(Array.from({ length: 257 }, () => 'x:1'))).rejects.toMatchObject({
      code: 'GOSSIP_OPTION_INVALID',
    })
  })

  it('a join ends when its caller gives up', async () => {
    const a = await create('a')
    const { errors } = await a.join(['127.0.0.1:1'], { signal: AbortSignal.abort() })
    expect(errors[0]?.error).toMatchObject({ code: 'GOSSIP_ABORTED' })
  })

  it('is known by the address that it advertises', async () => {
    const a = await create('a', { advertise: { host: '127.0.0.2' } })
    const b = await create('b')
    expect(a.address).toEqual({ host: '127.0.0.2', port: a.bound.port })
    expect(await b.join([seed(a)])).toEqual({ joined: 1, errors: [] })
    expect(b.member('a')?.address).toEqual({ host: '127.0.0.2', port: a.bound.port })
    await b.leave()
    await vi.waitFor(() => expect(view(a)).toEqual(['a alive', 'b left']), WAIT)
  })

  it('answers nobody outside its ranges', async () => {
    const a = await create('a', { cidrsAllowed: ['10.0.0.0/8'], advertise: { host: '10.0.0.1' } })
    const b = await create('b')
    expect((await b.join([seed(a)])).errors[0]?.error).toMatchObject({
      code: expect.stringMatching(/GOSSIP_STREAM_CLOSED|GOSSIP_UNREACHABLE/),
    })
    expect(a.stats().refusedSources).toBe(1)
  })

  it.each<[string, Partial<MemberlistOptions>, RegExp]>([
    ['a host name to bind', { bind: { host: 'localhost', port: 0 } }, /bind\.host: localhost/],
    ['a port out of range', { bind: { host: '127.0.0.1', port: 65_536 } }, /bind\.port: 65536/],
    [
      'a host name to advertise',
      { advertise: { host: 'cache.test' } },
      /advertise\.host: cache\.test/,
    ],
    ['a wildcard to advertise', { advertise: { host: '0.0.0.0' } }, /advertise\.host: 0\.0\.0\.0/],
    ['a range that is none', { cidrsAllowed: ['10.0.0.1'] }, /cidrsAllowed: 10\.0\.0\.1/],
    [
      'delegate versions in disorder',
      { delegate: { min: 3, max: 2, current: 2 } },
      /delegate: 3-2/,
    ],
    ['a short key', { keys: [new Uint8Array(8)] }, /16, 24 or 32/],
    ['a long label', { label: 'x'.repeat(256) }, /label: 256/],
    ['tags that do not fit', { tags: { k: 'x'.repeat(600) } }, /max: 512/],
    ['no name', { name: '' }, /name/],
    ['a timing out of range', { tuning: { probeIntervalMs: 0 } }, /probeIntervalMs/],
  ])('refuses %s and says which', async (_, options, text) => {
    await expect(create('a', options)).rejects.toThrow(text)
  })

  it('keeps serving while garbage comes in on both transports', async () => {
    const [a, b] = await pair()
    const udp = createSocket('udp4')
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (bytes) => {
        udp.send(bytes, a.bound.port, '127.0.0.1')
        const tcp = connect(a.bound.port, '127.0.0.1', () => tcp.end(bytes))
        tcp.on('error', () => undefined)
        tcp.on('data', () => tcp.destroy())
      }),
      { numRuns: 60 },
    )
    await vi.waitFor(() => expect(a.stats().streamsIn).toBeGreaterThan(30), WAIT)
    udp.close()
    expect(view(a)).toEqual(['a alive', 'b alive'])
    expect(view(b)).toEqual(['a alive', 'b alive'])
    expect(a.stats().containedErrors).toBe(0)
    const c = await create('c')
    expect((await c.join([seed(a)])).joined).toBe(1)
  })

  it('lives on IPv6 as well', async ({ skip }) => {
    const a = await create('a', { bind: { host: '::1', port: 0 } }).catch(() => undefined)
    if (a === undefined) return skip('this machine has no IPv6 loopback')
    const b = await create('b', { bind: { host: '::1', port: 0 } })
    expect((await b.join([`[::1]:${a.bound.port}`])).joined).toBe(1)
    await vi.waitFor(() => expect(a.member('b')?.rttMs).toBeGreaterThan(0), WAIT)
  })
})
