import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { findViolations, RULES, type SourceFile } from './import-rules.ts'

const root = join(import.meta.dirname, '..', '..')

function sources(): readonly SourceFile[] {
  return ['packages', 'apps']
    .flatMap((group) =>
      readdirSync(join(root, group)).flatMap((name) =>
        readdirSync(join(root, group, name, 'src'), { recursive: true, encoding: 'utf8' })
          .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
          .map((file) => `${group}/${name}/src/${file.replaceAll('\\', '/')}`),
      ),
    )
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

describe('the house of DESIGN §2', () => {
  test('every source file keeps to its import directions and pure folders stay pure', () => {
    const files = sources()
    expect(files.length).toBeGreaterThan(50)
    expect(findViolations(files)).toEqual([])
  })

  test('every rule covers files that exist', () => {
    const paths = sources().map(({ path }) => path)
    const unused = RULES.filter(
      ({ folder }) => !paths.some((path) => path.startsWith(`${folder}/`)),
    )
    expect(unused.map(({ folder }) => folder)).toEqual([])
  })
})

describe('a planted violation is found', () => {
  const cases: readonly [string, SourceFile, RegExp][] = [
    [
      'the router imports gossip',
      plant('packages/router/src/pool/x.ts', "import { createMemberlist } from '@ringway/gossip'"),
      /imports @ringway\/gossip/,
    ],
    [
      'the ring imports anything',
      plant('packages/ring/src/x.ts', "import { readFileSync } from 'node:fs'"),
      /imports node:fs/,
    ],
    [
      'gossip core imports the driver',
      plant('packages/gossip/src/core/x.ts', "import { open } from '../net/driver.ts'"),
      /imports packages\/gossip\/src\/net/,
    ],
    [
      'the store imports the peer links',
      plant('packages/store/src/core/x.ts', "import type { PeerHub } from '@ringway/peer'"),
      /imports @ringway\/peer/,
    ],
    [
      'the app reaches into a package',
      plant('apps/node/src/x.ts', "import { x } from '@ringway/gossip/core/swim.ts'"),
      /imports @ringway\/gossip\/core/,
    ],
    [
      'a dynamic import',
      plant('packages/peer/src/net/x.ts', "const x = import('@ringway/store')"),
      /imports @ringway\/store/,
    ],
    [
      'a pure folder reads the clock',
      plant('packages/gossip/src/core/x.ts', 'export const now = () => Date.now()'),
      /uses .*Date/,
    ],
    [
      'a pure folder draws a number',
      plant('packages/store/src/core/x.ts', 'export const n = Math.random()'),
      /uses .*random/,
    ],
    [
      'a pure folder sets a timer',
      plant('packages/peer/src/wire/x.ts', 'setTimeout(() => {}, 1)'),
      /uses setTimeout/,
    ],
    [
      'a pure folder waits',
      plant('packages/ring/src/x.ts', 'export async function x() {}'),
      /uses .*async/,
    ],
    ['a folder without a rule', plant('packages/new/src/x.ts', ''), /no rule covers/],
  ]

  test.each(cases)('%s', (_what, file, message) => {
    expect(findViolations([file]).join('\n')).toMatch(message)
  })
})

function plant(path: string, text: string): SourceFile {
  return { path, text }
}
