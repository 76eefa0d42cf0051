import { randomBytes } from 'node:crypto'
import {
  createMemberlist,
  encodeTags,
  type Memberlist,
  type MemberlistOptions,
} from '@ringway/gossip'
import { afterEach, describe, expect, it, type TestContext } from 'vitest'
import { eventually } from '../support/eventually.ts'
import {
  type GossipPeer,
  type PeerOptions,
  requireMemberlistPeer,
  startMemberlist,
} from '../support/gossip-peer.ts'

/*
 * One cluster with Go's memberlist, from Debian: 0.2.2, which has no labels. Both sides run with short intervals, so that a
 * death takes one or two seconds.
 */
const FAST = {
  probeIntervalMs: 300,
  probeTimeoutMs: 150,
  gossipIntervalMs: 50,
  pushPullIntervalMs: 2_000,
  healIntervalMs: 500,
}
const FAST_FLAGS = [
  ...['-probe-interval', '300ms', '-probe-timeout', '150ms'],
  ...['-gossip-interval', '50ms', '-push-pull-interval', '2s'],
]
/** Ringway members put this before their user messages. */
const FRAME = 'fe52'
const KEY = randomBytes(32)
const DEATH = { timeoutMs: 30_000 }

const lists: Memberlist[] = []
const peers: GossipPeer[] = []
afterEach(async () => {
  await Promise.all([
    ...lists.splice(0).map((list) => list.close()),
    ...peers.splice(0).map((peer) => peer.kill()),
  ])
})

const metaOf = (name: string, role = '') =>
  Buffer.from(encodeTags({ v: '1', i: name, ...(role !== '' && { role }) })).toString('hex')

/** A Go member that counts as one of ours: it carries the tags by which Ringway knows its own. */
async function go(
  context: TestContext,
  name: string,
  options: Partial<PeerOptions> = {},
  timings: readonly string[] = FAST_FLAGS,
): Promise<GossipPeer> {
  const program = await requireMemberlistPeer(context)
  const { flags = [], ...more } = options
  const peer = await startMemberlist(program, {
    name,
    ...more,
    flags: ['-meta', metaOf(name), ...timings, ...flags],
  })
  peers.push(peer)
  return peer
}

async function ours(name: string, options: Partial<MemberlistOptions> = {}): Promise<Memberlist> {
  const list = await createMemberlist({
    name,
    bind: { host: '127.0.0.1', port: 0 },
    profile: 'local',
    tags: { v: '1', i: name },
    tuning: FAST,
    ...options,
  })
  lists.push(list)
  return list
}

const addressOf = (list: Memberlist) => `127.0.0.1:${list.bound.port}`
const tellsOf = (peer: GossipPeer, event: string, name: string) =>
  peer.events.filter((told) => told.event === event && told.name === name)
const messagesTo = (list: Memberlist) => {
  const texts: string[] = []
  list.onUser((bytes) => texts.push(Buffer.from(bytes).toString()))
  return texts
}
const hex = (text: string) => FRAME + Buffer.from(text).toString('hex')
const heard = (peer: GossipPeer, text: string) =>
  peer.events.some((told) => told.event === 'message' && told.hex === hex(text))

async function seeEachOther(list: Memberlist, peer: GossipPeer): Promise<void> {
  await eventually(
    `${list.name} shows ${peer.name}`,
    () => list.member(peer.name)?.state === 'alive',
  )
  await eventually(`${peer.name} shows ${list.name}`, async () => {
    return (await peer.memberNames()).includes(list.name)
  })
}

/** Both ways, by datagram and by stream. */
async function talk(list: Memberlist, peer: GossipPeer, word: string): Promise<void> {
  const received = messagesTo(list)
  // Too long for a datagram, so a stream carries it.
  const long = word.repeat(Math.ceil(3_000 / word.length))
  for (const reliable of [false, true]) {
    await peer.ask({ do: 'send', to: list.name, hex: hex(reliable ? long : word), reliable })
  }
  expect(list.sendUser(peer.name, Buffer.from(word))).toBe(true)
  expect(list.sendUser(peer.name, Buffer.from(long))).toBe(true)
  await eventually(`${list.name} hears ${word}`, () => {
    return received.includes(word) && received.includes(long)
  })
  await eventually(`${peer.name} hears ${word}`, () => heard(peer, word) && heard(peer, long))
}

const MODES = [
  { mode: 'plain', keys: {} },
  { mode: 'encrypted', keys: { keys: [KEY] } },
] as const satisfies readonly { mode: string; keys: { keys?: readonly Uint8Array[] } }[]

describe.each(MODES)('one cluster with memberlist, $mode', ({ keys }) => {
  it('forms when we join it: metadata, updates and user messages travel both ways', async (context) => {
    const peer = await go(context, 'go-a', keys)
    const list = await ours('ring-a', keys)
    expect(await list.join([peer.address])).toEqual({ joined: 1, errors: [] })
    await seeEachOther(list, peer)
    expect(list.member('go-a')).toMatchObject({
      tags: { v: '1', i: 'go-a' },
      protocol: { min: 1, max: 5, current: 2 },
      delegate: { min: 0, max: 0, current: 0 },
    })
    expect(tellsOf(peer, 'join', 'ring-a')[0]).toMatchObject({
      address: addressOf(list),
      meta: metaOf('ring-a'),
    })
    list.setTags({ v: '1', i: 'ring-a', role: 'cache' })
    await eventually('go hears of our new metadata', () => {
      return tellsOf(peer, 'update', 'ring-a').some(
        ({ meta }) => meta === metaOf('ring-a', 'cache'),
      )
    })
    await peer.ask({ do: 'meta', hex: metaOf('go-a', 'web') })
    await eventually(
      'we hear of its new metadata',
      () => list.member('go-a')?.tags['role'] === 'web',
    )
    await talk(list, peer, 'hello')
  })

  it('forms when it joins us, and each hears the other leave and come back', async (context) => {
    const peer = await go(context, 'go-b', keys)
    const list = await ours('ring-b', keys)
    await peer.ask({ do: 'join', seeds: [addressOf(list)] })
    await seeEachOther(list, peer)
    await talk(list, peer, 'hello')

    await peer.ask({ do: 'leave' })
    await eventually('we show it left', () => list.member('go-b')?.state === 'left')
    await peer.kill()
    const again = await go(context, 'go-b', {
      ...keys,
      bind: peer.address,
      join: [addressOf(list)],
    })
    await seeEachOther(list, again)

    const { bound } = list
    await list.leave()
    await eventually('go shows us gone', () => tellsOf(again, 'gone', 'ring-b').length === 1)
    await list.close()
    const back = await ours('ring-b', { ...keys, bind: bound })
    expect((await back.join([again.address])).joined).toBe(1)
    await seeEachOther(back, again)
  })

  it('each gives up the other when it is killed, and takes it back', async (context) => {
    const [one, two] = [await go(context, 'go-c', keys), await go(context, 'go-d', keys)]
    const [left, right] = [await ours('ring-c', keys), await ours('ring-d', keys)]
    await two.ask({ do: 'join', seeds: [one.address] })
    expect((await left.join([one.address])).joined).toBe(1)
    await right.join([addressOf(left)])
    for (const list of [left, right]) for (const peer of [one, two]) await seeEachOther(list, peer)

    await two.kill()
    await eventually('we show it dead', () => left.member('go-d')?.state === 'dead', DEATH)
    await eventually('all of us do', () => right.member('go-d')?.state === 'dead', DEATH)
    await eventually('go does too', () => tellsOf(one, 'gone', 'go-d').length > 0, DEATH)
    const again = await go(context, 'go-d', { ...keys, bind: two.address, join: [one.address] })
    for (const list of [left, right]) await seeEachOther(list, again)

    const { bound } = right
    await right.close()
    await eventually(
      'both of theirs show ours gone',
      () => {
        return [one, again].every((peer) => tellsOf(peer, 'gone', 'ring-d').length > 0)
      },
      DEATH,
    )
    await eventually('ours too', () => left.member('ring-d')?.state === 'dead', DEATH)
    const back = await ours('ring-d', { ...keys, bind: bound })
    expect((await back.join([again.address])).joined).toBe(1)
    for (const peer of [one, again]) await seeEachOther(back, peer)
    await eventually('ours too', () => left.member('ring-d')?.state === 'alive')
  })
})

describe('keys', () => {
  it('are rotated while the cluster runs, and nobody is given up for it', async (context) => {
    // Nobody has to die here, so members have memberlist's own time before they are suspected.
    const next = randomBytes(16)
    const inBase64 = (key: Uint8Array) => Buffer.from(key).toString('base64')
    const peer = await go(context, 'go-e', { keys: [KEY] }, [])
    const list = await ours('ring-e', { keys: [KEY], tuning: {} })
    const lost: string[] = []
    list.on('fail', ({ member }) => lost.push(member.name))
    await list.join([peer.address])
    await seeEachOther(list, peer)

    list.keyring.install(next)
    await talk(list, peer, 'installed here')
    await peer.ask({ do: 'install', key: inBase64(next) })
    await peer.ask({ do: 'use', key: inBase64(next) })
    await talk(list, peer, 'used there')
    list.keyring.use(next)
    await talk(list, peer, 'used here')
    list.keyring.remove(KEY)
    await peer.ask({ do: 'remove', key: inBase64(KEY) })
    await talk(list, peer, 'the old one removed')
    expect([lost, tellsOf(peer, 'gone', 'ring-e')]).toEqual([[], []])

    const late = await ours('ring-late', { keys: [KEY] })
    expect((await late.join([peer.address])).joined).toBe(0)
    const timely = await ours('ring-timely', { keys: [next] })
    expect((await timely.join([peer.address])).joined).toBe(1)
    await seeEachOther(timely, peer)
    expect(await peer.memberNames()).toEqual(['go-e', 'ring-e', 'ring-timely'])
  })

  it('a cluster moves from plain text to encryption step by step', async (context) => {
    const open = { verifyIncoming: false, verifyOutgoing: false }
    const openFlags = ['-verify-incoming=false', '-verify-outgoing=false']
    const plain = await go(context, 'go-plain')
    const list = await ours('ring-open', { keys: [KEY], ...open })
    expect((await list.join([plain.address])).joined).toBe(1)
    await seeEachOther(list, plain)
    await talk(list, plain, 'with a key, in plain text')

    const opened = await go(context, 'go-open', { keys: [KEY], flags: openFlags })
    const listPlain = await ours('ring-plain')
    expect((await listPlain.join([opened.address])).joined).toBe(1)
    await seeEachOther(listPlain, opened)
    await talk(listPlain, opened, 'the other way round')

    // The next step: seal, and still take plain text.
    const sealing = await ours('ring-sealing', { keys: [KEY], verifyIncoming: false })
    expect((await sealing.join([opened.address])).joined).toBe(1)
    await seeEachOther(sealing, opened)
    await talk(sealing, opened, 'sealed one way')
  })

  it('a stranger without the key is shut out on both sides', async (context) => {
    const peer = await go(context, 'go-f', { keys: [KEY] })
    const stranger = await ours('ring-f')
    expect((await stranger.join([peer.address])).joined).toBe(0)
    expect(await peer.memberNames()).toEqual(['go-f'])
    const list = await ours('ring-g', { keys: [KEY] })
    const plain = await go(context, 'go-g')
    await expect(plain.ask({ do: 'join', seeds: [addressOf(list)] })).rejects.toThrow()
    expect(list.members().map(({ name }) => name)).toEqual(['ring-g'])
  })
})

describe('labels', () => {
  it('a labelled member and a memberlist without labels leave each other alone', async (context) => {
    const peer = await go(context, 'go-h')
    const list = await ours('ring-h', { label: 'blue' })
    expect((await list.join([peer.address])).joined).toBe(0)
    await expect(peer.ask({ do: 'join', seeds: [addressOf(list)] })).rejects.toThrow()
    expect(await peer.memberNames()).toEqual(['go-h'])
    expect(list.members().map(({ name }) => name)).toEqual(['ring-h'])

    // It has taken no harm: members without a label still find it.
    const plain = await ours('ring-i')
    expect((await plain.join([peer.address])).joined).toBe(1)
    await seeEachOther(plain, peer)
  })
})
