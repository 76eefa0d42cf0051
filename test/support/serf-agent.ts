import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { spawnOwned } from './child-process.ts'
import { eventually } from './eventually.ts'
import { freePorts } from './ports.ts'

const run = promisify(execFile)

export interface SerfMember {
  readonly status: string
  readonly tags: Readonly<Record<string, string>>
  readonly address: string
}

/** A real `serf agent` of a test, on free loopback ports, stopped by pid. */
export interface SerfAgent {
  /** `host:port` of its gossip. */
  readonly address: string
  /** What it has logged so far. */
  log(): string
  /** `serf members`, by name. */
  members(): Promise<Readonly<Record<string, SerfMember>>>
  /** Any other command: `serf COMMAND …` over RPC. */
  command(...args: readonly string[]): Promise<string>
  kill(): Promise<void>
}

/** Starts an agent; `bind` is where one before it was, if it is to come back. */
export async function startSerf(
  program: string,
  name: string,
  extra: readonly string[] = [],
  bind?: string,
): Promise<SerfAgent> {
  const [gossip = 0, rpc = 0] = await freePorts(2)
  const address = bind ?? `127.0.0.1:${gossip}`
  const rpcAddress = `127.0.0.1:${rpc}`
  const { child, stop } = spawnOwned(
    program,
    [
      'agent',
      '-node',
      name,
      '-bind',
      address,
      '-rpc-addr',
      rpcAddress,
      '-profile',
      'local',
      ...extra,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      log += String(chunk)
    })
  }
  const command = async (...args: readonly string[]) => {
    const [verb = '', ...rest] = args
    const { stdout } = await run(program, [verb, `-rpc-addr=${rpcAddress}`, ...rest])
    return stdout
  }
  const members = async () => {
    const listed: { members: readonly RawMember[] } = JSON.parse(
      await command('members', '-format=json'),
    )
    return Object.fromEntries(
      listed.members.map(({ name: member, status, tags, addr }) => [
        member,
        { status, tags: tags ?? {}, address: addr },
      ]),
    )
  }
  await eventually(`serf agent ${name}`, async () => (await members())[name]?.status === 'alive')
  return {
    address,
    log: () => log,
    members,
    command,
    kill: stop,
  }
}

interface RawMember {
  readonly name: string
  readonly addr: string
  readonly status: string
  readonly tags: Readonly<Record<string, string>> | null
}
