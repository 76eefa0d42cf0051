import { spawnSync } from 'node:child_process'

const made = new Set<string>()
process.once('exit', () => {
  for (const name of made) ip('netns', 'delete', name)
})
// Without a handler a signal would end the process without its `exit` event.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

function ip(...args: readonly string[]): boolean {
  return spawnSync('ip', args, { stdio: 'ignore' }).status === 0
}

/** A network namespace with a loopback of its own until this process ends; undefined where we may not make one. */
export function createNamespace(name: string): string | undefined {
  if (!ip('netns', 'add', name)) return undefined
  made.add(name)
  ip('-n', name, 'link', 'set', 'lo', 'up')
  return name
}
