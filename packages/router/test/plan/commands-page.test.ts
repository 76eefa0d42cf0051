import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { commandsPage } from '../../src/plan/commands-page.ts'

it('docs/redis-commands.md is what the table says', () => {
  const page = readFileSync(new URL('../../../../docs/redis-commands.md', import.meta.url), 'utf8')
  expect(page, 'run node packages/router/scripts/write-commands-page.mjs after the build').toBe(
    commandsPage(),
  )
})
