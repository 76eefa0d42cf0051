import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { environmentTable } from '../../src/config/environment.ts'
import { loadOptions } from '../../src/config/load.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringway-config-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(text: string): string {
  const file = join(folder, 'ringway.yml')
  writeFileSync(file, text)
  return file
}

describe('loadOptions', () => {
  test('flags win over the environment, the environment over the file', () => {
    const file = write(
      'name: file\nzone: file\nweight: 3\ngossip: { bind: 127.0.0.1:1, label: file }\n',
    )
    const options = loadOptions({
      file,
      environment: { RINGWAY_NAME: 'env', RINGWAY_ZONE: 'env', RINGWAY_GOSSIP_LABEL: 'env' },
      flags: { name: 'flag' },
    })
    expect(options).toEqual({
      name: 'flag',
      zone: 'env',
      weight: 3,
      gossip: { bind: '127.0.0.1:1', label: 'env' },
    })
  })

  test('reads lists, numbers, booleans and mappings from the environment', () => {
    const options = loadOptions({
      environment: {
        RINGWAY_GOSSIP_JOIN: '10.0.0.1:7946, dns:seeds:7946',
        RINGWAY_WEIGHT: '2.5',
        RINGWAY_INSECURE: 'true',
        RINGWAY_POOLS: '{"a":{"protocol":"store","replicas":3}}',
        RINGWAY_LOG_LEVEL: 'warn',
      },
    })
    expect(options).toEqual({
      gossip: { join: ['10.0.0.1:7946', 'dns:seeds:7946'] },
      weight: 2.5,
      insecure: true,
      pools: { a: { protocol: 'store', replicas: 3 } },
      logLevel: 'warn',
    })
  })

  test('every option has a variable of its own', () => {
    const variables = environmentTable().map(({ variable }) => variable)
    expect(new Set(variables).size).toBe(variables.length)
    expect(variables).toContain('RINGWAY_ADMIN_TOKEN')
  })

  test('a file that is not YAML is refused with line and column', () => {
    const file = write('name: a\ngossip: [\n')
    expect(() => loadOptions({ file })).toThrow(new RegExp(`${file}:\\d+:\\d+: `))
  })

  test('a file that is a list or plain text is refused, not ignored', () => {
    for (const text of ['- a\n', 'hello\n', '42\n'])
      expect(() => loadOptions({ file: write(text) })).toThrow(/ringway\.yml: found .*a mapping/)
    expect(loadOptions({ file: write('') })).toEqual({})
  })

  test('a variable that is not YAML is named', () => {
    expect(() => loadOptions({ environment: { RINGWAY_POOLS: '{' } })).toThrow(/^RINGWAY_POOLS: /)
  })

  test('a file that does not exist is named', () => {
    expect(() => loadOptions({ file: join(folder, 'none.yml') })).toThrow(/cannot read .*none\.yml/)
  })
})
