import { afterEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { requireProgram } from '../support/programs.ts'
import { admin, type NodeProcess, nodePorts, startNode, stopCluster } from '../support/ringway.ts'
import { type SerfAgent, startSerf } from '../support/serf-agent.ts'

let agent: SerfAgent | undefined
const nodes: NodeProcess[] = []
afterEach(async () => {
  await stopCluster(nodes.splice(0))
  await agent?.kill()
  agent = undefined
})

test('serf members shows a Ringway node alive, left after SIGTERM, failed after SIGKILL', async (context) => {
  const serf = await startSerf(requireProgram(context, 'serf'), 'serf-a')
  agent = serf
  const gossip = Number(serf.address.split(':')[1])
  const join = async (name: string) => {
    const ports = await nodePorts()
    const node = startNode(name, ports, [{ ...ports, gossip }], ['--delegate', 'serf'])
    nodes.push(node)
    await node.ready
    await eventually(
      `serf shows ${name} alive`,
      async () => (await serf.members())[name]?.status === 'alive',
    )
    return node
  }

  const polite = await join('polite')
  const { members } = await admin<{ members: { name: string; state: string; ringway: boolean }[] }>(
    polite,
    '/v1/members',
  )
  expect(members).toMatchObject([
    { name: 'polite', state: 'alive', ringway: true },
    { name: 'serf-a', state: 'alive', ringway: false },
  ])
  polite.kill('SIGTERM')
  expect(await polite.exited).toEqual({ code: 0, signal: null })
  await eventually(
    'serf shows it left',
    async () => (await serf.members())['polite']?.status === 'left',
  )

  const abrupt = await join('abrupt')
  abrupt.kill('SIGKILL')
  await eventually(
    'serf shows it failed',
    async () => (await serf.members())['abrupt']?.status === 'failed',
    { timeoutMs: 30_000 },
  )
})

test('a plain node is refused by a Serf cluster, before it does harm, with what to do', async (context) => {
  const serf = await startSerf(requireProgram(context, 'serf'), 'serf-a')
  agent = serf
  const ports = await nodePorts()
  const node = startNode('plain', ports, [{ ...ports, gossip: Number(serf.address.split(':')[1]) }])
  nodes.push(node)
  expect(await node.exited).toEqual({ code: 1, signal: null })
  expect(node.log()).toMatch(/cannot join through .*--delegate serf/)
  expect(Object.keys(await serf.members())).toEqual(['serf-a'])
})
