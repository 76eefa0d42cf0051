import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** A line of a member process: test/programs says what there is. */
export interface MemberLine {
  readonly event: string
  /** Unix milliseconds. */
  readonly t: number
  readonly name?: string
  readonly address?: string
  readonly timings?: Readonly<Record<string, number>>
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

const CLOCK_TICKS_PER_SECOND = 100

/** One member in a process of its own. */
export class MemberProcess {
  readonly name: string
  /** Whom it holds for living, besides itself. */
  readonly living = new Set<string>()
  readonly ready: Promise<MemberLine>
  readonly #child: ChildProcess
  readonly #exited: Promise<void>

  constructor(name: string, command: readonly string[], hear: (line: MemberLine) => void) {
    const [program = '', ...args] = command
    this.name = name
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    running.add(this.#child)
    this.#exited = new Promise((resolve) => {
      this.#child.once('exit', () => {
        running.delete(this.#child)
        resolve()
      })
    })
    this.ready = new Promise((resolve, reject) => {
      const { stdout } = this.#child
      if (!stdout) return
      createInterface({ input: stdout }).on('line', (text) => {
        const line: MemberLine = JSON.parse(text)
        if (line.event === 'ready') resolve(line)
        if (line.event === 'fatal') reject(new Error(text))
        if (line.event === 'join' && line.name !== undefined && line.name !== name)
          this.living.add(line.name)
        if (line.event === 'gone' && line.name !== undefined) this.living.delete(line.name)
        hear(line)
      })
    })
  }

  /** SIGKILL; resolves with the time of the signal once the process has ended. */
  async kill(): Promise<number> {
    const at = Date.now()
    this.#child.kill('SIGKILL')
    await this.#exited
    return at
  }

  /** Seconds of processor time so far. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8')
    const [user = 0, system = 0] = stat
      .slice(stat.lastIndexOf(')'))
      .split(' ')
      .slice(12, 14)
      .map(Number)
    return (user + system) / CLOCK_TICKS_PER_SECOND
  }

  /** Bytes that the loopback of its network namespace has carried, all headers included. */
  loopbackBytes(): number {
    const text = readFileSync(`/proc/${this.#child.pid}/net/dev`, 'utf8')
    return Number(/lo:\s*(\d+)/.exec(text)?.[1] ?? Number.NaN)
  }
}
