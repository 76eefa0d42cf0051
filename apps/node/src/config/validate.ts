import { Ajv, type ErrorObject } from 'ajv'
import { NodeError } from '../errors.ts'
import { FORMATS } from './formats.ts'
import type { OptionSchema } from './schema/option.ts'
import { CONFIG_SCHEMA } from './schema.ts'

const SECRET_KEYS = new Set(['encrypt', 'token', 'password', 'auth'])
const FOUND_CHARACTERS_MAX = 60
/** `user:password@` of a URL. */
const CREDENTIALS = /\/\/[^\s"]*@/g

const ajv = new Ajv({ allErrors: true, strict: false, useDefaults: true, verbose: true })
ajv.addKeyword({
  keyword: 'x-format',
  type: ['string', 'number'],
  validate: (format: keyof typeof FORMATS, value: string | number) =>
    FORMATS[format].accepts(String(value)),
})
const check = ajv.compile(CONFIG_SCHEMA)

/**
 * Checks a parsed configuration against the schema and fills in the defaults, in place.
 *
 * @throws NodeError CONFIG_INVALID that lists every fault: source, key, what was found, what is allowed.
 */
export function validateConfig(config: unknown, source: string): void {
  if (check(config)) return
  const faults = (check.errors ?? []).map((error) => `${source}: ${describe(error)}`)
  throw new NodeError('CONFIG_INVALID', [...new Set(faults)].join('\n'), { source })
}

function describe(error: ErrorObject): string {
  const path = error.instancePath.split('/').slice(1).map(unescapePointer)
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownKey(path, error)
    case 'required':
      return `${name([...path, String(error.params.missingProperty)])} is missing; allowed: ${allowed((error.parentSchema as OptionSchema).properties?.[String(error.params.missingProperty)])}`
    default:
      return `${name(path)}: found ${found(path, error.data)}; allowed: ${allowed(error.parentSchema as OptionSchema)}`
  }
}

function unknownKey(path: readonly string[], error: ErrorObject): string {
  const key = String(error.params.additionalProperty)
  const known = Object.keys((error.parentSchema as OptionSchema).properties ?? {})
  return `${name([...path, key])} is not an option; allowed here: ${known.join(', ')}`
}

function name(path: readonly string[]): string {
  return path.length === 0 ? 'the configuration' : path.join('.')
}

function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~')
}

/** The offending value, short, and never a secret. */
function found(path: readonly string[], value: unknown): string {
  if (path.some((part) => SECRET_KEYS.has(part))) return 'a value that is not valid'
  const text = (JSON.stringify(value) ?? String(value)).replace(CREDENTIALS, '//[secret]@')
  return text.length > FOUND_CHARACTERS_MAX ? `${text.slice(0, FOUND_CHARACTERS_MAX)}…` : text
}

/** What a schema allows, in words. */
export function allowed(schema: OptionSchema | undefined): string {
  if (!schema) return 'see docs/configuration.md'
  if (schema['x-allowed']) return schema['x-allowed']
  if (schema['x-format']) return FORMATS[schema['x-format']].allowed
  if (schema.enum) return schema.enum.join(', ')
  if (schema.type === 'boolean') return 'true or false'
  if (schema.type === 'integer' || schema.type === 'number') return allowedNumber(schema)
  if (schema.type === 'string')
    return `text of ${schema.minLength ?? 0} to ${schema.maxLength ?? 'any number of'} characters`
  if (schema.type === 'array')
    return `a list${schema.minItems ? ` of at least ${schema.minItems}` : ''}`
  return `a mapping${schema.properties ? ` with ${Object.keys(schema.properties).join(', ')}` : ''}`
}

function allowedNumber(schema: OptionSchema): string {
  const kind = schema.type === 'integer' ? 'an integer' : 'a number'
  const low =
    schema.exclusiveMinimum === undefined
      ? `from ${schema.minimum ?? 0}`
      : `above ${schema.exclusiveMinimum}`
  return schema.maximum === undefined ? `${kind} ${low}` : `${kind} ${low} up to ${schema.maximum}`
}
