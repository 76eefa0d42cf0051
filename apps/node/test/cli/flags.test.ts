import { describe, expect, test } from 'vitest'
import { optionsFromFlags, type StartFlags, withDaemonDefaults } from '../../src/cli/flags.ts'
import type { NodeOptions } from '../../src/config/options.ts'
import { resolveConfig } from '../../src/config/resolve.ts'

const HOME = { HOME: '/home/ada' }

function snapshotOf(
  options: NodeOptions,
  environment: Readonly<Record<string, string>> = HOME,
  flags: StartFlags = {},
): string | undefined {
  const merged = { ...options, gossip: { ...options.gossip, ...optionsFromFlags(flags).gossip } }
  return resolveConfig(withDaemonDefaults(merged, flags, environment)).gossip.snapshot
}

describe('the file of known peers', () => {
  test('is in the state folder of the user, one per node of a machine', () => {
    expect(snapshotOf({ name: 'a' })).toBe('/home/ada/.local/state/ringway/a-127.0.0.1-7946.peers')
    expect(
      snapshotOf({ name: 'a', gossip: { bind: '[::1]:7000' } }, { XDG_STATE_HOME: '/state' }),
    ).toBe('/state/ringway/a-__1-7000.peers')
    expect(snapshotOf({ name: 'a' }, { ...HOME, XDG_STATE_HOME: 'relative' })).toMatch(
      /^\/home\/ada/,
    )
  })

  test('is where the flag or the option says, or nowhere', () => {
    expect(snapshotOf({}, HOME, { snapshot: 'here.peers' })).toBe('here.peers')
    expect(snapshotOf({ gossip: { snapshot: '/var/lib/a' } })).toBe('/var/lib/a')
    expect(snapshotOf({ gossip: { snapshot: 'off' } })).toBeUndefined()
    expect(
      snapshotOf({ gossip: { snapshot: '/var/lib/a' } }, HOME, { snapshot: false }),
    ).toBeUndefined()
  })

  test('is not kept by a program that embeds a node', () => {
    expect(resolveConfig({ name: 'a' }).gossip.snapshot).toBeUndefined()
  })

  test('does not hide that gossip is no mapping', () => {
    const wrong = { name: 'a', gossip: 5 } as unknown as NodeOptions
    expect(() => resolveConfig(withDaemonDefaults(wrong, {}, HOME))).toThrow(/gossip: found 5/)
  })
})
