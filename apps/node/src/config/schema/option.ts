/**
 * One option of the configuration in JSON Schema. Own keywords: `x-format` names a check of config/formats.ts; `x-allowed` says in
 * words what is allowed.
 */
export interface OptionSchema {
  readonly type:
    | 'string'
    | 'integer'
    | 'number'
    | 'boolean'
    | 'object'
    | 'array'
    | readonly string[]
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly string[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly minProperties?: number
  readonly pattern?: string
  readonly properties?: Readonly<Record<string, OptionSchema>>
  readonly additionalProperties?: boolean | OptionSchema
  readonly required?: readonly string[]
  readonly items?: OptionSchema
  readonly 'x-format'?:
    | 'host-port'
    | 'advertise'
    | 'seed'
    | 'bytes'
    | 'key'
    | 'backend-url'
    | 'dns-name-port'
    | 'placement'
    | 'until'
  readonly 'x-allowed'?: string
}

/** An option that holds `HOST:PORT`. */
export const hostPort = (description: string, fallback?: string): OptionSchema => ({
  type: 'string',
  description,
  'x-format': 'host-port',
  ...(fallback === undefined ? {} : { default: fallback }),
})
