import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import wanted from '../programs.json' with { type: 'json' }

type Program = keyof typeof wanted

const FOLDERS = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']

/**
 * The path of a real program (or of a file that its package brings) that a test runs against. Without it the test is skipped with a printed reason; with
 * `CI=true` it fails instead.
 */
export function requireProgram(context: TestContext, name: Program): string {
  const program = wanted[name]
  const candidates =
    'file' in program
      ? [program.file]
      : FOLDERS.filter((folder) => folder !== '').map((folder) => join(folder, name))
  const path = candidates.find((candidate) => existsSync(candidate))
  if (path !== undefined) return path
  const reason = `${name} is not installed (Debian package ${program.package})`
  if (process.env['CI'] === 'true') throw new Error(reason)
  return context.skip(reason)
}
