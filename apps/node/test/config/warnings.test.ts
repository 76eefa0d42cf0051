import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { loadOptions } from '../../src/config/load.ts'
import { withLines } from '../../src/config/locate.ts'
import { resolveConfig } from '../../src/config/resolve.ts'
import { configWarnings, exposedSecrets } from '../../src/config/warnings.ts'

const folders: string[] = []
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true })
})

async function fileOf(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'config-'))
  folders.push(folder)
  const file = join(folder, 'ringway.yml')
  await writeFile(file, text)
  return file
}

const app = { protocol: 'http', backends: [{ url: 'http://127.0.0.1:1' }] } as const
const http = { protocol: 'http', bind: '127.0.0.1:8080' } as const

test('hash with a cookie is warned about, pinned and hash with a header are not', () => {
  const warned = (route: object) =>
    configWarnings(
      resolveConfig({
        pools: { app },
        listeners: [{ ...http, routes: [{ pool: 'app', ...route }] }],
      }),
    )
  expect(warned({ key: ['cookie:sid'], sticky: 'hash' })).toEqual([
    expect.stringMatching(/^listeners\.0\.routes\.0: sticky: hash with cookie:sid: .*pinned/),
  ])
  expect(warned({ key: ['cookie:sid'] })).toEqual([])
  expect(warned({ key: ['header:x-user'], sticky: 'hash' })).toEqual([])
})

test('a pool that nobody serves is warned about, but not the store, which sessions and programs use', () => {
  const pools = { app, spare: app, store: { protocol: 'store' } } as const
  const plain = resolveConfig({ pools, listeners: [{ ...http, pool: 'app' }] })
  expect(configWarnings(plain)).toEqual(['pools.spare: no listener serves it'])
  const routes = [{ pool: 'app', key: ['cookie:sid'], sticky: 'learned' }] as const
  const learned = resolveConfig({ pools, listeners: [{ ...http, routes }] })
  expect(configWarnings(learned)).toEqual(['pools.spare: no listener serves it'])
  expect(configWarnings(resolveConfig({ pools }))).toEqual([])
})

test('a file with secrets that everybody can read is warned about', async () => {
  const file = await fileOf('admin: { token: secret }\n')
  await chmod(file, 0o644)
  expect(exposedSecrets(file, loadOptions({ file }))).toHaveLength(1)
  await chmod(file, 0o640)
  expect(exposedSecrets(file, loadOptions({ file }))).toEqual([])
  const open = await fileOf('name: a\n')
  await chmod(open, 0o644)
  expect(exposedSecrets(open, loadOptions({ file: open }))).toEqual([])
})

test('errors name the line and the column of the key', async () => {
  const file = await fileOf(
    [
      'pools:',
      '  my.app:',
      '    protocol: http',
      '    backends:',
      '      - { url: "htp://x" }',
      '    loadFactor: 0',
      'listeners:',
      '  - { protocol: http, bind: "127.0.0.1:1", pool: moon }',
    ].join('\n'),
  )
  const said = (() => {
    try {
      return String(resolveConfig(loadOptions({ file }), file))
    } catch (error) {
      return (withLines(error, file) as Error).message
    }
  })()
  expect(said.split('\n').sort()).toEqual([
    expect.stringMatching(`^${file}:5:11: pools.my.app.backends.0.url: found`),
    expect.stringMatching(`^${file}:6:5: pools.my.app.loadFactor: found 0`),
  ])
})
