// Writes docs/redis-commands.md from the built table. Run after the build:
//   npx tsc -b packages/router && node packages/router/scripts/write-commands-page.mjs
import { writeFileSync } from 'node:fs'
import { commandsPage } from '../dist/plan/commands-page.js'

writeFileSync(new URL('../../../docs/redis-commands.md', import.meta.url), commandsPage())
