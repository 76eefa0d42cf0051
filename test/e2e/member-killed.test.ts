import { afterEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { inParallel, plainClient } from '../support/redis-client.ts'
import { admin, type NodeProcess, startCluster, stopCluster } from '../support/ringway.ts'

const KEYS = 10_000
const RECOVERY_MS = 10_000

let nodes: NodeProcess[] = []
afterEach(async () => {
  await stopCluster(nodes)
  nodes = []
})

test('10,000 keys survive the SIGKILL of one of three members, without one wrong value in between', async () => {
  nodes = await startCluster(3)
  const [first, second, third] = nodes as [NodeProcess, NodeProcess, NodeProcess]
  const writer = await plainClient(first.ports.redis)
  const keys = Array.from({ length: KEYS }, (_, index) => `key:${index}`)
  await inParallel(keys, 200, async (key) => {
    expect(await writer.set(key, `value of ${key}`)).toBe('OK')
  })

  const readers = [writer, await plainClient(third.ports.redis)]
  second.kill('SIGKILL')
  const killed = performance.now()

  let errors = 0
  let reads = 0
  const wrong: string[] = []
  const readAll = async () => {
    let missed = 0
    for (const reader of readers)
      await inParallel(keys, 200, async (key) => {
        reads++
        const value = await reader.get(key).catch(() => new Error('failed'))
        if (value instanceof Error) {
          errors++
          missed++
        } else if (value !== `value of ${key}`) wrong.push(`${key} → ${value}`)
      })
    return missed === 0
  }
  await eventually('every key readable through both survivors', readAll, { timeoutMs: RECOVERY_MS })
  const seconds = ((performance.now() - killed) / 1000).toFixed(1)
  console.info(
    `after the kill: ${reads} reads in ${seconds} s until a whole round succeeded, ${errors} errors, ${wrong.length} wrong values`,
  )
  expect(wrong).toEqual([])

  // The lost copies are made again on the two that remain.
  await eventually(
    'every slot has two holders again',
    async () => {
      const { pools } = await admin<{ pools: { store: { safe: boolean } }[] }>(first, '/v1/pools')
      const { members } = await admin<{ members: { name: string; state: string }[] }>(
        first,
        '/v1/members',
      )
      return (
        members.find(({ name }) => name === second.name)?.state === 'dead' && pools[0]?.store.safe
      )
    },
    { timeoutMs: 30_000 },
  )
  expect(await readAll()).toBe(true)
  expect(wrong).toEqual([])
  for (const reader of readers) reader.disconnect()
})
