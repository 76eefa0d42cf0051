import { afterEach, expect, test, vi } from 'vitest'
import { createNode, type RingwayNode } from '../src/index.ts'
import { createLogger } from '../src/logger.ts'

/** Stands for a release whose ring has more points: no option changes them. */
const shape = vi.hoisted(() => ({ points: 4096 }))
vi.mock('../src/cluster/definitions.ts', async (original) => {
  const actual = await original<typeof import('../src/cluster/definitions.ts')>()
  const clusterIdentity = (label: string) =>
    actual.clusterIdentity(label).replace(/points=\d+/, `points=${shape.points}`)
  return { ...actual, clusterIdentity, clusterTag: () => `0000${shape.points}` }
})

const nodes: RingwayNode[] = []
afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.close()))
})

test('a node whose ring has another shape does not join, and both sides say why', async () => {
  const said: string[] = []
  const log = createLogger('silent', 'a')
  log.warn = (details: unknown, message?: string) => {
    said.push(`${message} ${JSON.stringify(details)}`)
  }
  const gossip = { bind: '127.0.0.1:0' }
  const a = await createNode({ name: 'a', profile: 'local', gossip }, { log })
  nodes.push(a)
  shape.points = 8192
  await expect(
    createNode({
      name: 'b',
      profile: 'local',
      logLevel: 'silent',
      gossip: { ...gossip, join: [`127.0.0.1:${a.addresses.gossip.port}`] },
    }),
  ).rejects.toMatchObject({
    code: 'JOIN_FAILED',
    message: expect.stringMatching(
      /the members there do not belong to our cluster.*member: a.*another shape.*00004096.*points=8192/,
    ),
  })
  await vi.waitFor(() =>
    expect(said).toContainEqual(
      expect.stringMatching(
        /a peer refuses our cluster .*b does not join: a has a ring of another/,
      ),
    ),
  )
  expect(a.members.map(({ name }) => name)).toEqual(['a'])
})
