import { setTimeout as pause } from 'node:timers/promises'
import { type MemberLine, MemberProcess } from './member-process.ts'

export interface ClusterOptions {
  /** Who runs it: a program, and how its flags begin. */
  readonly side: Side
  readonly members: number
  readonly profile: 'lan' | 'local'
  /** A network namespace of its own, or none. */
  readonly namespace: string | undefined
}

export interface Side {
  readonly name: string
  readonly command: readonly string[]
  readonly dashes: '-' | '--'
}

/** One death: milliseconds from the signal until the first and until the last survivor knew. */
export interface Detection {
  readonly firstMs: number
  readonly allMs: number
}

/** What a cluster cost, per member and second. */
export interface Cost {
  readonly cpuPercent: number
  /** Undefined without a namespace of its own, where the loopback is everybody's. */
  readonly bytesPerSecond: number | undefined
}

const FIRST_PORT = 7_000
/** The first members are never killed: they are seeds, and their processor time is that of the whole run. */
const NEVER_KILLED = 2
const DEADLINE_MS = 120_000
const POLL_MS = 10

/** Members of one implementation, one process each. */
export class Cluster {
  readonly #options: ClusterOptions
  readonly #members: MemberProcess[] = []
  #firstPort = FIRST_PORT
  #victim = ''
  readonly #knewAt = new Map<string, number>()
  /** Deaths that somebody told of a member that lived. */
  readonly falsePositives: string[] = []
  timings: Readonly<Record<string, number>> = {}
  #since = { at: 0, cpu: 0, bytes: 0 }

  constructor(options: ClusterOptions, firstPort: number) {
    this.#options = options
    this.#firstPort = firstPort
  }

  async start(): Promise<void> {
    for (let index = 0; index < this.#options.members; index += 1) await this.#spawn(index)
    await this.#everyoneSeesAll()
    this.#since = { at: Date.now(), cpu: this.#cpuSeconds(), bytes: this.#bytes() }
  }

  async #spawn(index: number): Promise<void> {
    const { namespace, profile, side } = this.#options
    const flag = (name: string, value: string) => [`${side.dashes}${name}`, value]
    const name = `member-${index}`
    const member = new MemberProcess(
      name,
      [
        ...(namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]),
        ...side.command,
        ...flag('name', name),
        ...flag('bind', this.#address(index)),
        ...flag('profile', profile),
        ...(index === 0 ? [] : flag('join', this.#address(0))),
      ],
      (line) => this.#hear(name, line),
    )
    this.#members[index] = member
    this.timings = (await member.ready).timings ?? {}
  }

  #address(index: number): string {
    return `127.0.0.1:${this.#firstPort + index}`
  }

  #hear(observer: string, { event, name, t }: MemberLine): void {
    if (event !== 'gone' || name === undefined) return
    if (name === this.#victim) this.#knewAt.set(observer, t)
    else this.falsePositives.push(`${observer} gave up ${name}, which lived`)
  }

  async #everyoneSeesAll(): Promise<void> {
    await until(`${this.#options.side.name}: everyone sees all`, () =>
      this.#members.every(({ living }) => living.size === this.#options.members - 1),
    )
  }

  /** Kills a member, waits until every survivor knows, and starts it again under its name and address. */
  async killOne(index: number): Promise<Detection> {
    const victim = this.#members[index]
    if (victim === undefined || index < NEVER_KILLED) throw new Error(`no victim ${index}`)
    this.#knewAt.clear()
    this.#victim = victim.name
    const killedAt = await victim.kill()
    await until(`${this.#options.side.name}: all know of the death`, () => {
      return this.#knewAt.size === this.#options.members - 1
    })
    const known = [...this.#knewAt.values()].map((at) => at - killedAt)
    return { firstMs: Math.min(...known), allMs: Math.max(...known) }
  }

  async restart(index: number): Promise<void> {
    await this.#spawn(index)
    this.#victim = ''
    await this.#everyoneSeesAll()
  }

  #cpuSeconds(): number {
    return this.#members.slice(0, NEVER_KILLED).reduce((sum, each) => sum + each.cpuSeconds(), 0)
  }

  #bytes(): number {
    return this.#members[0]?.loopbackBytes() ?? Number.NaN
  }

  cost(): Cost {
    const seconds = (Date.now() - this.#since.at) / 1000
    const { members, namespace } = this.#options
    return {
      cpuPercent: (100 * (this.#cpuSeconds() - this.#since.cpu)) / seconds / NEVER_KILLED,
      bytesPerSecond:
        namespace === undefined
          ? undefined
          : (this.#bytes() - this.#since.bytes) / seconds / members,
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.kill()))
  }
}

/** The members that may be killed. */
export function victims(members: number): readonly number[] {
  return Array.from({ length: members - NEVER_KILLED }, (_, index) => index + NEVER_KILLED)
}

async function until(what: string, check: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS
  while (!check()) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${DEADLINE_MS} ms`)
    await pause(POLL_MS)
  }
}
