import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { availableParallelism } from 'node:os'

/** Jiffies per second in /proc/<pid>/stat, on every Linux that Node runs on. */
const JIFFIES = 100
const CONNECT_ATTEMPTS_MAX = 100
const CONNECT_PAUSE_MS = 100

const children: ChildProcess[] = []
process.once('exit', () => stopPrograms())

/** Starts a program that lives as long as this process. */
export function startProgram(program: string, args: readonly string[]): ChildProcess {
  const child = spawn(program, args, { stdio: 'ignore' })
  child.once('error', (error) => console.error(`${program}: ${error.message}`))
  children.push(child)
  return child
}

/** Kills every program that was started here. */
export function stopPrograms(): void {
  for (const child of children.splice(0)) child.kill('SIGKILL')
}

/**
 * Gives this process, whose open loop never sleeps, a processor of its own (util-linux' `taskset`): on a shared one it holds up
 * whom it asks for whole time slices, and latency is that of the scheduler. The others share the rest, whoever is measured.
 * @returns ends it
 */
export function keepApart(): () => void {
  const processors = availableParallelism()
  if (processors < 2) return () => {}
  const others = children.map(({ pid }) => pid)
  const place = (ours: string, theirs: string) => {
    pin(process.pid, ours)
    for (const pid of others) pin(pid, theirs)
  }
  const all = `0-${processors - 1}`
  place('0', `1-${processors - 1}`)
  return () => place(all, all)
}

function pin(pid: number | undefined, processors: string): void {
  if (pid === undefined) return
  const { error } = spawnSync('taskset', ['-apc', processors, String(pid)], { stdio: 'ignore' })
  if (error) throw new Error('latency needs taskset, of util-linux', { cause: error })
}

/** Connects once the program behind the port has started; at most 10 s. */
export async function connected(port: number): Promise<Socket> {
  for (let attempt = 0; attempt < CONNECT_ATTEMPTS_MAX; attempt++) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const open = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true))
      socket.once('error', () => resolve(false))
    })
    if (open) return socket
    await new Promise((resolve) => setTimeout(resolve, CONNECT_PAUSE_MS))
  }
  throw new Error(`nothing listens on port ${port}; is the program installed?`)
}

/** Ports that are free now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  await Promise.all(
    servers.map((server) => new Promise<void>((done) => server.listen(0, '127.0.0.1', done))),
  )
  const ports = servers.map((server) => {
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  })
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))))
  return ports
}

/** Processor time of a process so far, in seconds; NaN where there is no /proc. */
export function cpuSeconds(pid: number | undefined): number {
  if (pid === undefined || process.platform !== 'linux') return Number.NaN
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / JIFFIES
}

/** Resident memory of a process in megabytes; NaN where there is no /proc. */
export function residentMegabytes(pid: number | undefined): number {
  if (pid === undefined || process.platform !== 'linux') return Number.NaN
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1024
}
