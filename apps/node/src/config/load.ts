import { readFileSync } from 'node:fs'
import { LineCounter, parseDocument } from 'yaml'
import { NodeError } from '../errors.ts'
import { environmentOptions } from './environment.ts'
import type { NodeOptions } from './options.ts'

/** Where a configuration comes from, weakest first: file, environment, flags. */
export interface ConfigSources {
  readonly file?: string
  readonly environment?: Readonly<Record<string, string | undefined>>
  readonly flags?: NodeOptions
}

/**
 * Reads and merges the sources. Mappings merge key by key; lists and plain values are replaced by the stronger source.
 *
 * @throws NodeError CONFIG_UNREADABLE with file, line and column, or with the variable.
 */
export function loadOptions(sources: ConfigSources): NodeOptions {
  const file = sources.file === undefined ? {} : readConfigFile(sources.file)
  const environment = environmentOptions(sources.environment ?? {})
  return merge(merge(file, environment), sources.flags ?? {}) as NodeOptions
}

function readConfigFile(path: string): unknown {
  const lines = new LineCounter()
  const document = parseDocument(readText(path), { lineCounter: lines })
  const [error] = document.errors
  if (error) {
    const { line, col } = lines.linePos(error.pos[0])
    throw new NodeError(
      'CONFIG_UNREADABLE',
      `${path}:${line}:${col}: ${error.message.split('\n')[0]}`,
      { path, line, col },
    )
  }
  const content: unknown = document.toJS({ maxAliasCount: 100 }) ?? {}
  // Anything else would vanish in the merge, and the node would start with the defaults.
  if (!isMapping(content))
    throw new NodeError(
      'CONFIG_UNREADABLE',
      `${path}: found ${Array.isArray(content) ? 'a list' : 'plain text'}; allowed: a mapping, as in docs/configuration.md`,
      { path },
    )
  return content
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new NodeError(
      'CONFIG_UNREADABLE',
      `cannot read ${path}: ${(cause as Error).message}`,
      { path },
      { cause },
    )
  }
}

function merge(weak: unknown, strong: unknown): unknown {
  if (!isMapping(weak) || !isMapping(strong)) return strong === undefined ? weak : strong
  const merged: Record<string, unknown> = { ...weak }
  for (const [key, value] of Object.entries(strong)) merged[key] = merge(weak[key], value)
  return merged
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
