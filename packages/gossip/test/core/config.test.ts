import { describe, expect, test } from 'vitest'
import { SWIM_PROFILES, swimConfig } from '../../src/core/config.ts'
import { SwimError } from '../../src/core/errors.ts'
import { createSwim } from '../../src/core/swim.ts'
import { optionsOf } from './fixture.ts'

const codeOf = (action: () => unknown): string => {
  try {
    action()
  } catch (error) {
    if (error instanceof SwimError) return error.code
    throw error
  }
  return 'none'
}

describe('a config', () => {
  test('of each profile is valid', () => {
    for (const profile of ['lan', 'wan', 'local'] as const) {
      expect(swimConfig(profile)).toEqual(SWIM_PROFILES[profile])
    }
  })

  test.each([
    ['gossipNodes', 0, 1],
    ['membersMax', 1, 2],
    ['packetBytesMax', 1_023, 1_024],
    ['packetBytesMax', 65_536, 65_535],
    ['indirectChecks', -1, 0],
    ['indirectChecks', 65, 64],
    ['gossipIntervalMs', 0.5, 1],
  ] as const)('refuses %s = %d and takes %d', (field, bad, good) => {
    expect(codeOf(() => swimConfig('lan', { [field]: bad }))).toBe('SWIM_CONFIG_INVALID')
    expect(codeOf(() => swimConfig('lan', { [field]: good }))).toBe('none')
  })

  test('leaves time for the indirect probe', () => {
    const config = { probeIntervalMs: 500, probeTimeoutMs: 500 }
    expect(codeOf(() => swimConfig('lan', config))).toBe('SWIM_CONFIG_INVALID')
    expect(codeOf(() => swimConfig('lan', { ...config, probeTimeoutMs: 499 }))).toBe('none')
  })
})

describe('a machine is not made', () => {
  test.each([
    ['of an empty name', { name: '' }, 'SWIM_NAME_INVALID'],
    ['of a name of 256 bytes', { name: 'é'.repeat(128) }, 'SWIM_NAME_INVALID'],
    ['of a name of 255 bytes', { name: `${'é'.repeat(127)}x` }, 'none'],
    ['of an address of 5 bytes', { address: new Uint8Array(5) }, 'SWIM_ADDRESS_INVALID'],
    ['of port 0', { port: 0 }, 'SWIM_ADDRESS_INVALID'],
    ['of port 65536', { port: 65_536 }, 'SWIM_ADDRESS_INVALID'],
    ['of port 65535', { port: 65_535 }, 'none'],
    ['of metadata of 513 bytes', { meta: new Uint8Array(513) }, 'SWIM_META_TOO_LARGE'],
    ['of metadata of 512 bytes', { meta: new Uint8Array(512) }, 'none'],
    ['of five versions', { versions: new Uint8Array(5) }, 'SWIM_VERSIONS_INVALID'],
    [
      'that speaks what it does not understand',
      { versions: Uint8Array.of(1, 5, 6, 0, 0, 0) },
      'SWIM_VERSIONS_INVALID',
    ],
  ])('%s', (_, more, code) => {
    expect(codeOf(() => createSwim(optionsOf(more)))).toBe(code)
  })
})
