// `npm run docs`: prints the generated pages of docs/ from the sources (after a build).
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, root } from './lib/steps.mjs'

build()
const { configurationDocument } = await import('../apps/node/dist/config/document.js')
writeFileSync(join(root, 'docs', 'configuration.md'), configurationDocument())
console.log('wrote docs/configuration.md')
