import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { PEER_ERRORS, REFUSALS } from '../src/index.ts'

const textsOf = (folder: string): string =>
  readdirSync(join(import.meta.dirname, folder))
    .map((file) => readFileSync(join(import.meta.dirname, folder, file), 'utf8'))
    .join('\n')

it('every code of an error and of a refusal is expected by some test', () => {
  const tests = textsOf('wire') + textsOf('net')
  const codes = [...Object.keys(PEER_ERRORS), ...Object.keys(REFUSALS)]
  expect(codes.filter((code) => !tests.includes(code))).toEqual([])
})
