import { environmentTable } from './environment.ts'
import type { OptionSchema } from './schema/option.ts'
import { CONFIG_SCHEMA } from './schema.ts'
import { allowed } from './validate.ts'

interface Row {
  readonly key: string
  readonly schema: OptionSchema
}

const EXAMPLE = `name: cache-a
zone: eu-1a
gossip:
  bind: 10.0.0.5:7946
  join: [10.0.0.1:7946, 10.0.0.2:7946]
  encrypt: [kCmo5ZmT0nUzdvBGjSRAyMtR7Y9Z4EJvrfEmvUAnJcI=]   # ringway keygen
pools:
  sessions: { protocol: store, replicas: 2, maxMemory: 512mb }
  cache:
    protocol: redis
    backends:
      - { url: "redis://10.0.0.11:6379", weight: 2 }
      - { url: "redis://10.0.0.12:6379" }
listeners:
  - { protocol: redis, bind: "127.0.0.1:6380", pool: sessions }
  - { protocol: redis, bind: "127.0.0.1:6381", pool: cache }
admin: { bind: "127.0.0.1:7900", token: change-me }
`

/** docs/configuration.md, printed from the schema: what is documented is what is checked. */
export function configurationDocument(): string {
  const variables = new Map(
    environmentTable().map(({ path, variable }) => [path.join('.'), variable]),
  )
  const rows = collect(CONFIG_SCHEMA, '')
  return [
    '# Configuration',
    '',
    '<!-- Printed from apps/node/src/config/schema.ts by `npm run docs`; a test compares them. -->',
    '',
    'A YAML file (`ringway start --config FILE`), environment variables and flags, each stronger than the one before.',
    'Mappings merge key by key; lists and single values are replaced. Without any of them `ringway start` runs one node on',
    'loopback that serves the embedded store. `ringway config check FILE` says what is wrong with a file, all at once, with file, key, what was',
    'found and what is allowed. The same options, as an object, are the argument of `createNode`.',
    '',
    '```yaml',
    EXAMPLE.trimEnd(),
    '```',
    '',
    '| key | variable | default | allowed | what it does |',
    '|---|---|---|---|---|',
    ...rows.map(({ key, schema }) => tableRow(key, schema, variables.get(key))),
    '',
    'Lists of text in variables are comma-separated; `RINGWAY_POOLS` and `RINGWAY_LISTENERS` are YAML or JSON. `<name>` is a name of your',
    'choice; `[]` stands for each item of a list.',
    '',
  ].join('\n')
}

export { EXAMPLE as CONFIGURATION_EXAMPLE }

function collect(schema: OptionSchema, prefix: string): readonly Row[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, option]) => {
    const key = prefix === '' ? name : `${prefix}.${name}`
    const own = option.description === undefined ? [] : [{ key, schema: option }]
    const inner =
      typeof option.additionalProperties === 'object'
        ? collect(option.additionalProperties, `${key}.<name>`)
        : []
    const items = option.items?.properties ? collect(option.items, `${key}[]`) : []
    return [...own, ...collect(option, key), ...inner, ...items]
  })
}

function tableRow(key: string, schema: OptionSchema, variable: string | undefined): string {
  const fallback = schema.default === undefined ? '' : `\`${JSON.stringify(schema.default)}\``
  const cells = [
    `\`${key}\``,
    variable ? `\`${variable}\`` : '',
    fallback,
    allowed(schema),
    schema.description ?? '',
  ]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}
