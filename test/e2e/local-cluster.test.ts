import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { plainClient } from '../support/redis-client.ts'
import { spawnRingway } from '../support/ringway.ts'
import { type LocalCluster, startLocalCluster } from '../support/up.ts'

const run = promisify(execFile)

let cluster: LocalCluster | undefined
afterEach(async () => {
  await cluster?.stop()
  cluster = undefined
})

test('ringway up starts three ready nodes, one of which may die, and Ctrl-C stops them all', async () => {
  cluster = await startLocalCluster([])
  const pids = cluster.pids()
  expect(pids).toHaveLength(3)

  const first = await plainClient(cluster.redisPort(0))
  const last = await plainClient(cluster.redisPort(2))
  expect(await first.set('a', '1')).toBe('OK')
  expect(await last.get('a')).toBe('1')
  first.disconnect()
  last.disconnect()

  process.kill(pids[1] ?? 0, 'SIGKILL')
  await eventually(
    'the death is reported',
    () =>
      cluster?.output().includes('node-2 (pid') &&
      cluster.output().includes('ended: signal SIGKILL. It is not restarted.'),
  )

  expect(await cluster.stop()).toBe(0)
  expect(cluster.output()).toMatch(/all nodes stopped$/)
  for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow(/ESRCH/)
})

test('ringway up says so and ends when its last node has died', async () => {
  cluster = await startLocalCluster(['--nodes', '2'])
  for (const pid of cluster.pids()) process.kill(pid, 'SIGKILL')
  expect(await cluster.exited).toBe(1)
  expect(cluster.output()).toMatch(/no node is left$/)
})

test('ringway up names the port that is in use and what to do', async () => {
  cluster = await startLocalCluster(['--nodes', '1'])
  const second = spawnRingway(['up', '--nodes', '1', '--base-port', String(cluster.basePort)])
  let message = ''
  second.stderr?.on('data', (data: Buffer) => {
    message += data
  })
  const code = await new Promise((resolve) => second.once('exit', resolve))
  expect(code).toBe(1)
  expect(message).toContain(`port ${cluster.basePort}, ${cluster.basePort + 1}`)
  expect(message).toContain('--base-port')
})

test('the nodes of a killed ringway up stop by themselves', async () => {
  cluster = await startLocalCluster(['--nodes', '2'])
  const pids = cluster.pids()
  const { stdout } = await run('ps', ['-o', 'ppid=', '-p', String(pids[0])])
  process.kill(Number(stdout), 'SIGKILL')
  await eventually('both nodes are gone', () =>
    pids.every((pid) => {
      try {
        process.kill(pid, 0)
        return false
      } catch {
        return true
      }
    }),
  )
})
