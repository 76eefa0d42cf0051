import type { ChildProcess } from 'node:child_process'
import { connected, startProgram } from './programs.ts'

/** A server in a process of its own, which does the same work as others. */
export interface Contender {
  readonly name: string
  readonly port: number
  /** The process that does the work. */
  readonly pid: number | undefined
}

/** Starts a program and waits until it serves. */
export async function started(
  port: number,
  program: string,
  args: readonly string[],
): Promise<ChildProcess> {
  const child = startProgram(program, args)
  ;(await connected(port)).destroy()
  return child
}
