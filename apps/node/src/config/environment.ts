import { parse } from 'yaml'
import { NodeError } from '../errors.ts'
import type { OptionSchema } from './schema/option.ts'
import { CONFIG_SCHEMA } from './schema.ts'

/** One option that the environment can set. */
export interface EnvironmentOption {
  /** E.g. `RINGWAY_GOSSIP_BIND` for `gossip.bind`, `RINGWAY_LOG_LEVEL` for `logLevel`. */
  readonly variable: string
  readonly path: readonly string[]
  readonly schema: OptionSchema
}

/** Every option with its variable: the path in upper case with underscores, after `RINGWAY_`. */
export function environmentTable(
  schema = CONFIG_SCHEMA,
  path: readonly string[] = [],
): readonly EnvironmentOption[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, option]) => {
    const here = [...path, key]
    return option.properties
      ? environmentTable(option, here)
      : [{ variable: variableName(here), path: here, schema: option }]
  })
}

/**
 * Options from variables. Lists of text are comma-separated; `RINGWAY_POOLS` and `RINGWAY_LISTENERS` are YAML or JSON.
 *
 * @throws NodeError CONFIG_UNREADABLE with the variable.
 */
export function environmentOptions(
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, unknown>> {
  const options: Record<string, unknown> = {}
  for (const { variable, path, schema } of environmentTable()) {
    const text = environment[variable]
    if (text !== undefined && text !== '') assign(options, path, readValue(variable, text, schema))
  }
  return options
}

function readValue(variable: string, text: string, schema: OptionSchema): unknown {
  if (schema.type === 'array' && schema.items?.type === 'string')
    return text.split(',').map((item) => item.trim())
  // Numbers, booleans, lists and mappings are what YAML says they are; anything else is left for validation to name.
  return schema.type === 'string' ? text : parseYaml(variable, text)
}

function parseYaml(variable: string, text: string): unknown {
  try {
    return parse(text)
  } catch (cause) {
    const [reason] = (cause as Error).message.split('\n')
    throw new NodeError('CONFIG_UNREADABLE', `${variable}: ${reason}`, { variable }, { cause })
  }
}

function assign(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [key = '', ...rest] = path
  if (rest.length === 0) {
    target[key] = value
    return
  }
  const inner = (target[key] ?? {}) as Record<string, unknown>
  target[key] = inner
  assign(inner, rest, value)
}

function variableName(path: readonly string[]): string {
  return `RINGWAY_${path.map((part) => part.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()).join('_')}`
}
