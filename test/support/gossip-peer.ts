import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { TestContext } from 'vitest'
import { type OwnedProcess, spawnOwned } from './child-process.ts'
import { eventually } from './eventually.ts'
import { requireProgram } from './programs.ts'

const run = promisify(execFile)
const PROGRAMS = join(import.meta.dirname, '..', 'programs')
const MEMBER = join(PROGRAMS, 'gossip-member.mjs')
const BUILD_PEER = join(PROGRAMS, 'memberlist-peer', 'build.mjs')

/** One line of a peer. */
export interface PeerEvent {
  readonly event: string
  /** Unix milliseconds, by the peer's own clock: that of this machine. */
  readonly t: number
  readonly name?: string
  readonly address?: string
  readonly hex?: string
  readonly meta?: string
  readonly from?: string
}

interface Answer extends PeerEvent {
  readonly id?: number
  readonly ok?: boolean
  readonly error?: string
  readonly joined?: number
  readonly members?: readonly { readonly name: string; readonly meta?: string }[]
  readonly health?: number
}

export type PeerCommand =
  | { readonly do: 'join'; readonly seeds: readonly string[] }
  | { readonly do: 'members' | 'leave' | 'stats' }
  | { readonly do: 'meta'; readonly hex: string }
  | {
      readonly do: 'send'
      readonly to: string
      readonly hex: string
      readonly reliable: boolean
    }
  | { readonly do: 'install' | 'use' | 'remove'; readonly key: string }

/** A member in a process of its own: Go's memberlist, or ours. */
export interface GossipPeer {
  readonly name: string
  readonly address: string
  readonly pid: number
  /** All that it has told so far. */
  readonly events: readonly PeerEvent[]
  on(listener: (event: PeerEvent) => void): void
  /** @throws Error with what the peer says about the command, or when it ends */
  ask(command: PeerCommand): Promise<Answer>
  /** Names of those that it holds alive or suspect, sorted. */
  memberNames(): Promise<readonly string[]>
  signal(signal: NodeJS.Signals): void
  kill(): Promise<void>
  readonly exited: OwnedProcess['exited']
}

export interface PeerOptions {
  readonly name: string
  readonly bind?: string
  readonly profile?: 'lan' | 'local'
  readonly join?: readonly string[]
  readonly keys?: readonly Uint8Array[]
  /** Further flags of the program. */
  readonly flags?: readonly string[]
  /** What to put before the program: `ip netns exec NAME`, `nice -n 10`. */
  readonly before?: readonly string[]
}

let built: Promise<string> | undefined

/** Starts a process with one member of `@ringway/gossip` (the built package). */
export function startMember(options: PeerOptions): Promise<GossipPeer> {
  return startPeer([process.execPath, MEMBER], '--', options)
}

/** Starts Go's memberlist. */
export function startMemberlist(program: string, options: PeerOptions): Promise<GossipPeer> {
  return startPeer([program], '-', options)
}

/**
 * The path of the Go peer, built once per content of its source and of the Debian package. Without Go or the package the
 * test is skipped with a printed reason; with `CI=true` it fails instead.
 */
export async function requireMemberlistPeer(context: TestContext): Promise<string> {
  requireProgram(context, 'go')
  requireProgram(context, 'memberlist')
  built ??= run(process.execPath, [BUILD_PEER]).then(({ stdout }) => stdout.trim())
  return built
}

async function startPeer(
  program: readonly string[],
  dashes: '-' | '--',
  { name, bind = '127.0.0.1:0', profile = 'local', join: seeds, keys, flags, before }: PeerOptions,
): Promise<GossipPeer> {
  const flag = (flagName: string, value: string) => [`${dashes}${flagName}`, value]
  const [command = '', ...args] = [
    ...(before ?? []),
    ...program,
    ...flag('name', name),
    ...flag('bind', bind),
    ...flag('profile', profile),
    ...(seeds === undefined ? [] : flag('join', seeds.join(','))),
    ...(keys === undefined
      ? []
      : flag('keys', keys.map((key) => Buffer.from(key).toString('base64')).join(','))),
    ...(flags ?? []),
  ]
  const owned = spawnOwned(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const peer = new PeerProcess(name, owned)
  await eventually(`${name} is ready`, () => {
    const fatal = peer.events.find(({ event }) => event === 'fatal')
    if (fatal !== undefined) throw new Error(JSON.stringify(fatal))
    return peer.events.some(({ event }) => event === 'ready')
  })
  return peer
}

class PeerProcess implements GossipPeer {
  readonly name: string
  readonly events: PeerEvent[] = []
  readonly #owned: OwnedProcess
  readonly #listeners: ((event: PeerEvent) => void)[] = []
  readonly #waiting = new Map<
    number,
    { resolve(answer: Answer): void; reject(error: Error): void }
  >()
  #ids = 0

  constructor(name: string, owned: OwnedProcess) {
    this.name = name
    this.#owned = owned
    const { stdin, stdout } = owned.child
    // A peer that was killed does not read any more; `exited` says so.
    stdin?.on('error', () => undefined)
    if (stdout) createInterface({ input: stdout }).on('line', (line) => this.#hear(line))
    void owned.exited.then(() => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${name} has ended`))
    })
  }

  get address(): string {
    return this.events.find(({ event }) => event === 'ready')?.address ?? ''
  }

  get pid(): number {
    return this.#owned.pid
  }

  get exited(): OwnedProcess['exited'] {
    return this.#owned.exited
  }

  #hear(line: string): void {
    const told: Answer = JSON.parse(line)
    if (told.event !== 'result') {
      this.events.push(told)
      for (const listener of this.#listeners) listener(told)
      return
    }
    const waiting = this.#waiting.get(told.id ?? 0)
    this.#waiting.delete(told.id ?? 0)
    if (told.ok === true) waiting?.resolve(told)
    else waiting?.reject(new Error(`${this.name}: ${told.error}`))
  }

  on(listener: (event: PeerEvent) => void): void {
    this.#listeners.push(listener)
  }

  ask(command: PeerCommand): Promise<Answer> {
    this.#ids += 1
    const id = this.#ids
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#owned.child.stdin?.write(`${JSON.stringify({ id, ...command })}\n`)
    })
  }

  async memberNames(): Promise<readonly string[]> {
    const { members = [] } = await this.ask({ do: 'members' })
    return members.map(({ name }) => name).sort()
  }

  signal(signal: NodeJS.Signals): void {
    this.#owned.child.kill(signal)
  }

  kill(): Promise<void> {
    return this.#owned.stop()
  }
}
