import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'

/** Processes of this test run, each with the signal that ends it when the run itself ends. */
const running = new Map<ChildProcess, NodeJS.Signals>()
process.once('exit', () => {
  for (const [child, signal] of running) child.kill(signal)
})

const STOP_TIMEOUT_MS = 5_000

/** A process that a test started, and that does not outlive the test run. */
export interface OwnedProcess {
  readonly child: ChildProcess
  readonly pid: number
  /** Resolves once it has ended, however. */
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
  /** Ends it with its own signal, by force after five seconds, and waits for the end. */
  stop(): Promise<void>
}

/**
 * Starts a program that is ended by pid: by `stop`, or with the test run.
 *
 * @param ending - SIGTERM for programs with workers that only their master can end; SIGKILL for all others
 */
export function spawnOwned(
  program: string,
  args: readonly string[],
  options: SpawnOptions = {},
  ending: 'SIGKILL' | 'SIGTERM' = 'SIGKILL',
): OwnedProcess {
  const child = spawn(program, args, options)
  running.set(child, ending)
  const exited = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    // A program that cannot be started never exits.
    child.once('error', () => resolve({ code: null, signal: null }))
  })
  void exited.then(() => running.delete(child))
  const stop = async () => {
    child.kill(ending)
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
    await exited
    clearTimeout(late)
  }
  return { child, pid: child.pid ?? 0, exited, stop }
}
