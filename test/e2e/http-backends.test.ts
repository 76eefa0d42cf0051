import { execFile } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterEach, expect, test } from 'vitest'
import { type OwnedProcess, spawnOwned } from '../support/child-process.ts'
import { eventually } from '../support/eventually.ts'
import { freePorts } from '../support/ports.ts'
import { requireProgram } from '../support/programs.ts'
import { type NodeProcess, nodePorts, startNode, stopCluster } from '../support/ringway.ts'

const CONNECTIONS = 64
const SECONDS = 4

const run = promisify(execFile)
const apps: Server[] = []
let victim: OwnedProcess | undefined
let nodes: NodeProcess[] = []
afterEach(async () => {
  for (const app of apps.splice(0)) {
    app.closeAllConnections()
    app.close()
  }
  await victim?.stop()
  await stopCluster(nodes)
  nodes = []
})

async function startApp(): Promise<number> {
  const app = createServer((_, response) => response.end('hello'))
  apps.push(app)
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
  return (app.address() as AddressInfo).port
}

/** An application in a process of its own, which can be killed with everything that it has under way. */
async function startVictim(): Promise<number> {
  const program =
    "const app = require('node:http').createServer((_, response) => response.end('hello'));" +
    "app.listen(0, '127.0.0.1', () => console.log(app.address().port))"
  victim = spawnOwned(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const { stdout } = victim.child
  if (stdout === null) throw new Error('the application has no output')
  for await (const line of createInterface({ input: stdout })) return Number(line)
  throw new Error('the application did not start')
}

test('a backend killed under load, 64 connections: no client sees an error', async (context) => {
  const wrk = requireProgram(context, 'wrk')
  const backends = [
    await startVictim(),
    ...(await Promise.all(Array.from({ length: 4 }, startApp))),
  ]
  const { redis: _, ...ports } = await nodePorts()
  const [http = 0] = await freePorts(1)
  const flags = backends.map((port) => `127.0.0.1:${port}`).join(',')
  const node = startNode(
    'a',
    ports,
    [],
    [...['--http', `127.0.0.1:${http}`], ...['--http-backends', flags]],
  )
  nodes = [node]
  expect(await node.ready).toContain(`http=127.0.0.1:${http}`)

  const counted = async (pattern: RegExp) => {
    const response = await fetch(`http://127.0.0.1:${ports.admin}/metrics`)
    return Number(pattern.exec(await response.text())?.[1] ?? 0)
  }
  const answered = `ringway_http_responses_total{pool="app",backend="127.0.0.1:${backends[0]}",status="2xx"}`
  const load = run(wrk, [
    ...['-t', '1', '-c', String(CONNECTIONS), '-d', `${SECONDS}s`, '--timeout', '20s'],
    `http://127.0.0.1:${http}/`,
  ])
  const ofVictim = new RegExp(`${answered.replace(/[{}.]/g, '\\$&')} (\\d+)`)
  await eventually('it serves its share', async () => (await counted(ofVictim)) > 50)
  victim?.child.kill('SIGKILL')
  const { stdout } = await load
  const requests = /(\d+) requests in/.exec(stdout)?.[1]
  const failovers = await counted(/ringway_backend_failovers_total\{[^}]*\} ([1-9]\d*)/)
  console.info(
    `${requests} requests, ${failovers} sent to another backend after the kill, 0 errors`,
  )
  expect(stdout).not.toMatch(/Socket errors|Non-2xx/)
  expect(Number(requests)).toBeGreaterThan(CONNECTIONS)
  expect(failovers).toBeGreaterThan(0)
})
