import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { CONFIGURATION_EXAMPLE, configurationDocument } from '../../src/config/document.ts'
import { resolveConfig } from '../../src/config/resolve.ts'

test('docs/configuration.md is what the schema prints', () => {
  const path = join(import.meta.dirname, '..', '..', '..', '..', 'docs', 'configuration.md')
  expect(readFileSync(path, 'utf8')).toBe(configurationDocument())
})

test('the example of the documentation is valid', () => {
  const config = resolveConfig(parse(CONFIGURATION_EXAMPLE))
  expect(config.pools.map(({ name }) => name)).toEqual(['sessions', 'cache'])
})
