import { execFileSync } from 'node:child_process'
import type { TestContext } from 'vitest'
import { requireProgram } from './programs.ts'

/** Two hosts on one switch, as network namespaces of this test; the switch can be told to forget one of them. */
export interface PartitionNetwork {
  readonly left: Host
  readonly right: Host
  /** Frames between the two are lost from now on, without an error to anybody. */
  cut(): void
  heal(): void
  remove(): void
}

export interface Host {
  readonly address: string
  /** What to put before a program, so that it runs on this host. */
  readonly before: readonly string[]
}

// Namespaces outlive processes, so what a run has made is removed with the run, whatever becomes of the test.
const made = new Set<string>()
process.once('exit', () => {
  for (const name of made) removeNamespace(name)
})

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: 'pipe' })
}

function removeNamespace(name: string): void {
  try {
    ip('netns', 'delete', name)
  } catch {
    // It was never made, or somebody has removed it: both leave nothing to do.
  }
  made.delete(name)
}

/** Skips the test with a printed reason where namespaces cannot be made; with `CI=true` it fails instead. */
export function requirePartitionNetwork(context: TestContext): PartitionNetwork {
  requireProgram(context, 'ip')
  const name = (part: string) => `ringway-${process.pid}-${part}`
  const [hub, left, right] = [name('hub'), name('left'), name('right')]
  try {
    for (const each of [hub, left, right]) {
      made.add(each)
      ip('netns', 'add', each)
      ip('-n', each, 'link', 'set', 'lo', 'up')
    }
    ip('-n', hub, 'link', 'add', 'switch', 'type', 'bridge')
    ip('-n', hub, 'link', 'set', 'switch', 'up')
    attach(hub, left, 'left', '10.99.0.1')
    attach(hub, right, 'right', '10.99.0.2')
  } catch (error) {
    for (const each of [hub, left, right]) removeNamespace(each)
    const reason = `network namespaces cannot be made here: ${String(error).split('\n')[0]}`
    // Where one is root, it is not a matter of permission.
    if (process.env['CI'] === 'true' && process.getuid?.() === 0) throw new Error(reason)
    return context.skip(reason)
  }
  const host = (namespace: string, address: string): Host => ({
    address,
    before: ['ip', 'netns', 'exec', namespace],
  })
  return {
    left: host(left, '10.99.0.1'),
    right: host(right, '10.99.0.2'),
    cut: () => ip('-n', hub, 'link', 'set', 'right', 'nomaster'),
    heal: () => ip('-n', hub, 'link', 'set', 'right', 'master', 'switch'),
    remove: () => {
      for (const each of [hub, left, right]) removeNamespace(each)
    },
  }
}

function attach(hub: string, namespace: string, port: string, address: string): void {
  const pair = ['type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace] as const
  ip('link', 'add', port, 'netns', hub, ...pair)
  ip('-n', hub, 'link', 'set', port, 'master', 'switch', 'up')
  ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0')
  ip('-n', namespace, 'link', 'set', 'eth0', 'up')
}
