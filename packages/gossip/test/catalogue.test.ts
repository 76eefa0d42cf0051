import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const read = (file: string) => readFileSync(join(import.meta.dirname, file), 'utf8')

it('every test that the catalogue names exists', () => {
  const rows = [...read('CATALOGUE.md').matchAll(/\| `([^`]+\.test\.ts)` \| `([^`]+)` \|/g)]
  const missing = rows.filter(([, file = '', title = '']) => !read(file).includes(title))
  expect(missing.map(([row]) => row)).toEqual([])
  expect(rows.length).toBeGreaterThan(80)
})
