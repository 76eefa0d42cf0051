import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { plainClient } from '../support/redis-client.ts'
import { type NodeProcess, nodePorts, startNode, stopCluster } from '../support/ringway.ts'

const EXAMPLES = join(import.meta.dirname, '..', '..', 'examples', 'dist')

let nodes: NodeProcess[] = []
afterEach(async () => {
  await stopCluster(nodes)
  nodes = []
})

test('peer-in-ten-lines joins a cluster, shares its store, and leaves on SIGTERM', async () => {
  const ports = await nodePorts()
  const node = startNode('node-1', ports, [])
  nodes = [node]
  await node.ready

  const example = spawn(
    process.execPath,
    [join(EXAMPLES, 'peer-in-ten-lines.js'), '127.0.0.1:0', `127.0.0.1:${ports.gossip}`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const lines: string[] = []
  createInterface({ input: example.stdout }).on('line', (line) => lines.push(line))
  const exited = new Promise((resolve) => example.once('exit', resolve))
  try {
    await eventually('the example has said who owns the key', () => lines.length >= 3)
    expect(lines[0]).toBe(`greeting: hello from worker-${example.pid}`)
    expect(lines[1]).toBe(`members: node-1, worker-${example.pid}`)
    expect(lines[2]).toMatch(
      /^user:42 is owned by (node-1|worker-\d+), then (node-1|worker-\d+) - mine: (true|false)$/,
    )

    example.kill('SIGTERM')
    expect(await exited).toBe(0)
    // It has handed its part over: what it wrote is still there.
    const client = await plainClient(ports.redis)
    expect(await client.get('greeting')).toBe(`hello from worker-${example.pid}`)
    client.disconnect()
  } finally {
    example.kill('SIGKILL')
  }
})
