import type { RedisCommand } from './redis-command.ts'
import { REDIS_COMMANDS } from './redis-commands.ts'

/** `docs/redis-commands.md`: what becomes of every Redis command. Generated, so that it cannot differ from the table. */
export function commandsPage(): string {
  return `${[HEAD, summary(), table(), FOOT].join('\n\n')}\n`
}

const HEAD = `# Redis commands

<!-- Generated from packages/router/src/plan/redis-commands.ts by \`node packages/router/scripts/write-commands-page.mjs\`. -->

What the Redis listener does with each command of Redis 7. Keys are found as Redis finds them, hash tags \`{…}\` included.

- **owner**: all keys have one owner, which answers. Keys with different owners get
  \`-CROSSSLOT Keys in request don't hash to the same slot\`.
- **split**: one command per owner, and one reply in the client's order. It is not atomic across owners: when one part fails,
  the reply is its error, and the others may have been applied.
- **all**: every backend answers; the replies are put together. Pools of protocol \`store\` answer it as a whole.
- **here**: the router answers.
- **later**: not routed yet; the error names the command. Pools of protocol \`store\` get SCAN and RANDOMKEY already.
- **refused**: not routed by design; the error says why.

A command whose backend is lost goes to the next owner on the ring when it was not sent yet, or when it only reads. Otherwise
the client gets an error that says that the write may have been applied.`

const FOOT = `Answered here in part: \`CLIENT\` knows GETNAME, GETREDIR, ID, INFO, LIST (this connection), NO-EVICT, NO-TOUCH, SETINFO and
SETNAME; \`COMMAND\` knows COUNT, DOCS, GETKEYS, INFO and LIST; \`CONFIG\` knows GET of \`save\`, \`appendonly\`, \`databases\` and
\`maxmemory\`; \`SELECT\` knows database 0; \`XREAD\` and \`XREADGROUP\` are routed without BLOCK.`

function summary(): string {
  const counts = new Map<string, number>()
  for (const { run } of REDIS_COMMANDS) counts.set(run.type, (counts.get(run.type) ?? 0) + 1)
  const parts = Array.from(counts, ([type, count]) => `${count} ${type}`)
  return `${REDIS_COMMANDS.length} commands: ${parts.sort().join(', ')}.`
}

function table(): string {
  const rows = REDIS_COMMANDS.map(
    (command) =>
      `| \`${command.name.toUpperCase()}\` | ${command.run.type} | ${command.access} | ${keys(command)} | ${note(command)} |`,
  )
  return ['| command | | access | keys | |', '|---|---|---|---|---|', ...rows].join('\n')
}

function keys({ keys: spec }: RedisCommand): string {
  switch (spec.type) {
    case 'none':
      return ''
    case 'range':
      return spec.first === spec.last ? `${spec.first}` : rangeText(spec)
    case 'counted':
      return `${spec.extra > 0 ? `${spec.extra}, ` : ''}counted by ${spec.at}`
    case 'option':
      return `1, after ${spec.options.join(' or ')}`
    case 'streams':
      return 'after STREAMS'
    default:
      return spec satisfies never
  }
}

function rangeText(spec: {
  readonly first: number
  readonly last: number
  readonly step: number
}): string {
  const last = spec.last === -1 ? 'the last' : String(spec.last)
  const step = spec.step === 1 ? '' : `, every ${spec.step}nd`
  return `${spec.first} to ${last}${step}`
}

function note({ run }: RedisCommand): string {
  switch (run.type) {
    case 'split':
    case 'all':
      return run.gather
    case 'later':
    case 'refused':
      return run.reason
    case 'owner':
    case 'here':
      return ''
    default:
      return run satisfies never
  }
}
