import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { askMemcached, type MemcachedServer, startMemcached } from '../support/memcached-server.ts'
import { freePorts } from '../support/ports.ts'
import { requireProgram } from '../support/programs.ts'
import { type NodeProcess, nodePorts, startNode, stopCluster } from '../support/ringway.ts'

const run = promisify(execFile)

let servers: MemcachedServer[] = []
let nodes: NodeProcess[] = []
afterEach(async () => {
  await stopCluster(nodes)
  await Promise.all(servers.map((server) => server.stop()))
  servers = []
  nodes = []
})

test('a node in front of three memcached servers passes memccapable, and goes on without one of them', async (context) => {
  requireProgram(context, 'memcached')
  const capable = requireProgram(context, 'memccapable')
  servers = await Promise.all((await freePorts(3)).map(startMemcached))
  const [port = 0] = await freePorts(1)
  const { redis: _none, ...ports } = await nodePorts()
  const node = startNode(
    'memcached-router',
    ports,
    [],
    [
      ...['--memcached', `127.0.0.1:${port}`],
      ...['--memcached-backends', servers.map((server) => `127.0.0.1:${server.port}`).join(',')],
    ],
  )
  nodes = [node]
  expect(await node.ready).toMatch(`memcached=127.0.0.1:${port}`)

  const { stdout, stderr } = await run(capable, ['-a', '-h', '127.0.0.1', '-p', String(port)])
  expect(`${stdout}${stderr}`).toMatch(/All tests passed/)

  // Every server has some of the keys, and all of them are found again in one command.
  const keys = Array.from({ length: 300 }, (_, i) => `key:${i}`)
  await askMemcached(port, 'flush_all\r\n', /^OK\r\n$/)
  const sets = keys.map((key) => `set ${key} 0 0 ${key.length}\r\n${key}\r\n`).join('')
  await askMemcached(port, `${sets}mn\r\n`, /^(STORED\r\n){300}MN\r\n$/)
  const found = await askMemcached(port, `get ${keys.join(' ')}\r\n`, /END\r\n$/)
  expect(found.match(/^VALUE /gm)).toHaveLength(300)
  for (const server of servers)
    expect(await askMemcached(server.port, 'stats\r\n', /END\r\n$/)).toMatch(/curr_items [1-9]/)
  expect(await askMemcached(port, 'stats\r\n', /END\r\n$/)).toMatch('STAT cmd_set ')

  // A killed server costs its values, and no client an error for long: the next owner takes the keys.
  await servers[0]?.stop()
  await eventually('every key can be written and read again', async () => {
    const stored = await askMemcached(port, `${sets}mn\r\n`, /MN\r\n$/)
    return !stored.includes('ERROR')
  })
  const again = await askMemcached(port, `get ${keys.join(' ')}\r\n`, /(END|ERROR.*)\r\n$/)
  expect(again.match(/^VALUE /gm)).toHaveLength(300)
})
