import { randomBytes } from 'node:crypto'
import { createMemberlist, type Memberlist, type MemberlistOptions } from '@ringway/gossip'
import { afterEach, describe, expect, it, type TestContext } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { requireProgram } from '../support/programs.ts'
import { type SerfAgent, startSerf } from '../support/serf-agent.ts'

const lists: Memberlist[] = []
const agents: SerfAgent[] = []
afterEach(async () => {
  await Promise.all(lists.splice(0).map((list) => list.close()))
  await Promise.all(agents.splice(0).map((agent) => agent.kill()))
})

async function serf(context: TestContext, name: string, extra?: readonly string[], bind?: string) {
  const agent = await startSerf(requireProgram(context, 'serf'), name, extra, bind)
  agents.push(agent)
  return agent
}

async function member(name: string, options: Partial<MemberlistOptions> = {}): Promise<Memberlist> {
  const list = await createMemberlist({
    name,
    bind: { host: '127.0.0.1', port: 0 },
    profile: 'local',
    delegate: 'serf',
    tags: { v: '1', i: name, z: 'eu' },
    ...options,
  })
  lists.push(list)
  return list
}

const address = (list: Memberlist) => `127.0.0.1:${list.bound.port}`
const statusIn = async (agent: SerfAgent, name: string) => (await agent.members())[name]?.status
const stateIn = (list: Memberlist, name: string) => list.member(name)?.state

/** Serf says in its log what it did not understand. */
const complaints = (agent: SerfAgent) => agent.log().match(/^.*\[(ERR|WARN)\].*$/gm) ?? []

describe('one cluster with a Serf agent', () => {
  it('forms when we join it: serf shows us alive with our tags, we show it alive', async (context) => {
    const agent = await serf(context, 'serf-a')
    const list = await member('ring-a')
    expect(await list.join([agent.address])).toEqual({ joined: 1, errors: [] })
    await eventually('serf shows us', async () => (await statusIn(agent, 'ring-a')) === 'alive')
    expect((await agent.members())['ring-a']).toMatchObject({
      status: 'alive',
      address: address(list),
      tags: { v: '1', i: 'ring-a', z: 'eu' },
    })
    expect(list.member('serf-a')).toMatchObject({ state: 'alive', delegate: { min: 2, max: 5 } })
    list.setTags({ v: '1', i: 'ring-a', s: 'draining' })
    await eventually('serf shows the new tags', async () => {
      return (await agent.members())['ring-a']?.tags['s'] === 'draining'
    })
    expect(complaints(agent)).toEqual([])
  })

  it('forms when it joins us, and we see it leave', async (context) => {
    const agent = await serf(context, 'serf-b', ['-tag', 'role=db'])
    const list = await member('ring-b')
    await agent.command('join', address(list))
    await eventually('we show serf', () => stateIn(list, 'serf-b') === 'alive')
    expect(list.member('serf-b')?.tags).toEqual({ role: 'db' })
    await eventually('serf shows us', async () => (await statusIn(agent, 'ring-b')) === 'alive')
    await agent.command('leave')
    await eventually('we show it left', () => stateIn(list, 'serf-b') === 'left')
  })

  it('shows us left after a leave, also after a second life', async (context) => {
    const agent = await serf(context, 'serf-c')
    for (const life of [1, 2]) {
      const list = await member('ring-c')
      expect((await list.join([agent.address])).joined).toBe(1)
      await eventually(`alive in life ${life}`, async () => {
        return (await statusIn(agent, 'ring-c')) === 'alive'
      })
      await list.leave()
      await eventually(`left in life ${life}`, async () => {
        return (await statusIn(agent, 'ring-c')) === 'left'
      })
      await list.close()
    }
    expect(complaints(agent)).toEqual([])
  })

  it('shows us failed when we go without a word, and we show it dead', async (context) => {
    const agent = await serf(context, 'serf-d')
    const killed = await member('ring-d')
    await killed.join([agent.address])
    await eventually('serf shows us', async () => (await statusIn(agent, 'ring-d')) === 'alive')
    await killed.close()
    await eventually('failed', async () => (await statusIn(agent, 'ring-d')) === 'failed', {
      timeoutMs: 40_000,
    })
    const other = await serf(context, 'serf-e')
    const survivor = await member('ring-e')
    await survivor.join([other.address])
    await other.kill()
    await eventually('dead', () => stateIn(survivor, 'serf-e') === 'dead', { timeoutMs: 40_000 })
  })

  it('shares its key, and shuts out whoever has none', async (context) => {
    const key = randomBytes(32)
    const agent = await serf(context, 'serf-f', ['-encrypt', key.toString('base64')])
    const list = await member('ring-f', { keys: [key] })
    expect((await list.join([agent.address])).joined).toBe(1)
    await eventually('serf shows us', async () => (await statusIn(agent, 'ring-f')) === 'alive')
    const stranger = await member('ring-g')
    expect((await stranger.join([agent.address])).joined).toBe(0)
    expect(await statusIn(agent, 'ring-g')).toBeUndefined()
  })

  it('is the same with encryption: update, leave, kill and rejoin, both ways round', async (context) => {
    const key = randomBytes(32)
    const keyed = ['-encrypt', key.toString('base64')]
    const agent = await serf(context, 'serf-k', keyed)
    const list = await member('ring-k', { keys: [key] })
    await agent.command('join', address(list))
    await eventually('we show serf', () => stateIn(list, 'serf-k') === 'alive')
    await agent.command('tags', '-set', 'role=db')
    await eventually('we show its tags', () => list.member('serf-k')?.tags['role'] === 'db')
    list.setTags({ v: '1', i: 'ring-k', s: 'draining' })
    await eventually('serf shows ours', async () => {
      return (await agent.members())['ring-k']?.tags['s'] === 'draining'
    })

    const { bound } = list
    await list.leave()
    await eventually('left', async () => (await statusIn(agent, 'ring-k')) === 'left')
    await list.close()
    const back = await member('ring-k', { keys: [key], bind: bound })
    expect((await back.join([agent.address])).joined).toBe(1)
    await eventually('alive', async () => (await statusIn(agent, 'ring-k')) === 'alive')

    await agent.kill()
    await eventually('dead', () => stateIn(back, 'serf-k') === 'dead', { timeoutMs: 40_000 })
    // It knows nobody: we still knock at its door, and so the cluster forms again.
    const again = await serf(context, 'serf-k', keyed, agent.address)
    await eventually('alive', () => stateIn(back, 'serf-k') === 'alive')
    await eventually('alive', async () => (await statusIn(again, 'ring-k')) === 'alive')
  })

  it('rotates its keys while we rotate ours, and nobody is given up for it', async (context) => {
    const [old, next] = [randomBytes(32), randomBytes(32)]
    const inBase64 = next.toString('base64')
    const agent = await serf(context, 'serf-l', ['-encrypt', old.toString('base64')])
    const other = await serf(context, 'serf-m', ['-encrypt', old.toString('base64')])
    await other.command('join', agent.address)
    const list = await member('ring-l', { keys: [old] })
    const lost: string[] = []
    list.on('fail', ({ member: failed }) => lost.push(failed.name))
    expect((await list.join([agent.address])).joined).toBe(1)
    // Serf counts us too, and we do not answer its queries: it says that 2 of 3 have done it, and fails for that.
    const keys = (flag: string) =>
      agent.command('keys', flag).catch(({ stdout }: { stdout?: string }) => stdout ?? '')

    list.keyring.install(next)
    await keys(`-install=${inBase64}`)
    await keys(`-use=${inBase64}`)
    const stillSeen = async (what: string) => {
      list.setTags({ v: '1', i: 'ring-l', x: what })
      for (const each of [agent, other]) {
        await eventually(`serf hears of us with ${what}`, async () => {
          return (await each.members())['ring-l']?.tags['x'] === what
        })
      }
      await agent.command('tags', '-set', `x=${what}`)
      await eventually(`we hear of serf with ${what}`, () => {
        return list.member('serf-l')?.tags['x'] === what
      })
    }
    await stillSeen('theirs')
    list.keyring.use(next)
    await stillSeen('ours')
    list.keyring.remove(old)
    await keys(`-remove=${old.toString('base64')}`)
    await stillSeen('one')
    expect([lost, (await agent.members())['ring-l']?.status]).toEqual([[], 'alive'])
    const late = await member('ring-m', { keys: [old] })
    expect((await late.join([agent.address])).joined).toBe(0)
  })

  it('is left alone by a plain member, which is told what to set', async (context) => {
    const agent = await serf(context, 'serf-h')
    const list = await member('ring-h', { delegate: 'plain' })
    const { joined, errors } = await list.join([agent.address])
    expect(joined).toBe(0)
    expect(errors[0]?.error.message).toContain('--delegate serf')
    expect(Object.keys(await agent.members())).toEqual(['serf-h'])
    expect(complaints(agent)).toEqual([])
  })

  it('sends us its events, which we ignore, and gets no message that it does not know', async (context) => {
    const agent = await serf(context, 'serf-i')
    const [one, two] = [await member('ring-i'), await member('ring-j')]
    await one.join([agent.address])
    await two.join([agent.address])
    await eventually('all see all', () => stateIn(one, 'ring-j') === 'alive')
    const received: number[] = []
    two.onUser((bytes) => received.push(bytes.length))
    expect(one.sendUser('ring-j', new Uint8Array(5))).toBe(true)
    expect(one.sendUser('serf-i', new Uint8Array(5))).toBe(false)
    await agent.command('event', 'deploy', 'payload')
    await eventually('our message', () => received.length === 1)
    await eventually('the event', () => one.stats().userMessagesForeign > 0)
    expect(complaints(agent)).toEqual([])
  })
})
