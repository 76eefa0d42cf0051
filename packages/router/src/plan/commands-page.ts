import { type FlowName, type RedisCommand, treatmentOf } from './redis-command.ts'
import { REDIS_COMMANDS } from './redis-commands.ts'
import { replicationText } from './replication.ts'

/** `docs/redis-commands.md`: what becomes of every Redis command. Generated, so that it cannot differ from the table. */
export function commandsPage(): string {
  return `${[HEAD, summary(), table(), FOOT].join('\n\n')}\n`
}

const HEAD = `# Redis commands

<!-- Generated from packages/router/src/plan/redis-commands.ts by \`node packages/router/scripts/write-commands-page.mjs\`. -->

What the Redis listener does with each command of Redis 7. Keys are found as Redis finds them, hash tags \`{…}\` included.

- **routed**: all keys have one owner, which answers. Keys that do not share one hash input (the same key or the same \`{tag}\`)
  get \`-CROSSSLOT Keys in request don't hash to the same slot\`; with \`multiKey: owner\` on the pool it is enough that one
  backend owns them all. That depends on the ring: a command that works today may be refused after a backend was added.
- **split**: one command per owner, and one reply in the client's order. It is not atomic across owners: when one part fails,
  the reply is its error, and the others may have been applied.
- **gathered**: every backend answers; the replies are put together.
- **here**: the router answers.
- **pinned**: the owner answers, on a connection that this client has for itself as long as the state lasts.
- **subscription**: answered over the one connection per backend on which this router subscribes for all its clients.
- **refused**: not routed by design; the error says why.

Column *replicate*: how a write reaches the other owners of its keys in a pool with \`replicas\` above 1. *verbatim*: they get the same
command. *copy*: the first owner runs it, and then the keys are copied. docs/redis-pools.md says more.

A command whose backend is lost goes to the next owner on the ring when it was not sent yet, or when it only reads. Otherwise
the client gets an error that says that the write may have been applied.

Pools of protocol \`store\` answer what the store knows; transactions, blocking commands, scripts and publish/subscribe are refused
there.

## Transactions

\`MULTI\` is queued in the router until the first key names the owner; from then on the transaction has a private connection to
it, and \`+QUEUED\` comes from there. Keys of one transaction need one owner; a key of another one is answered with \`CROSSSLOT\`,
and \`EXEC\` then with \`EXECABORT\`. \`WATCH\` takes the connection at once. When it ends, because the backend is lost or because the
ring changed and its keys have another owner, nothing moves silently: queued commands get an error, and \`EXEC\` is answered with
\`EXECABORT\` and the reason. Commands that are gathered or answered by the router (but \`PING\`, \`ECHO\`, \`TIME\`) are refused inside
\`MULTI\`. While keys are watched, commands that run elsewhere wait for the earlier ones, so the client's order holds.

## Blocking commands

Each has a private connection. Its keys need one owner. Commands that the client sends after it wait, as they do in Redis. The
end of the client's connection, or of its input, ends the wait and the private connection. A lost backend is replaced by the next owner while nothing was
sent; afterwards the client gets an error. When the keys get another owner the wait ends with an error, because pushes go there now.

In a pool with \`replicas\` above 1 both run at the first owner, and the keys that they wrote are copied to the others when the connection is
given back. While a pool migrates both are refused.

## Publish and subscribe

A channel is a key: its owner gets \`SUBSCRIBE\` and \`PUBLISH\`, shard channels likewise. \`PSUBSCRIBE\` goes to all backends; a message is
published at one, so it is seen once. Backends need RESP3 (Redis 6). When owners change, subscriptions move; a message published
meanwhile may be missed. \`PUBLISH\` counts the subscribers of this router one by one and every other router as one. A client that
does not read is closed at \`subscriberOutputBytesMax\` (32 MB).

## Scripts

\`EVAL\`, \`EVALSHA\` and \`FCALL\` go to the owner of their keys, those without keys to one fixed backend. The router keeps scripts that
came by (\`scriptsMax\` 1,024, \`scriptBytesMax\` 8 MB) and answers a backend's \`NOSCRIPT\` with the script itself; inside \`MULTI\` it sends
\`EVALSHA\` as \`EVAL\` from the start. \`SCRIPT LOAD\` succeeds when one backend took it. \`FUNCTION LOAD\` has to succeed at all of them; a
backend that comes later has to be given its functions again. Keys that a script uses without declaring them are not routed.

## SCAN

The cursor holds a tag of the backend (16 bits, made of its id) and the backend's own cursor (48 bits). Backends are scanned in the
order of their tags. A key that is there from the beginning to the end of the scan is returned at least once as long as its
backend is in the pool. When a backend goes, the scan continues with the next one. One that comes during the scan is scanned if
its tag is still ahead. A backend that cannot be reached is an error, not a gap: the same cursor can be tried again.

With \`replicas\` above 1 each key is reported by one backend: the first of its owners that is usable and up to date. Others leave it
out, so pages may have fewer keys than \`COUNT\` asks for, or none, before the cursor is 0. \`KEYS\` and \`RANDOMKEY\` count likewise.
Fewer lost backends than there are copies are no error: the next owner reports their keys. When a backend is lost, has caught up or
the ring changes during a scan, the scan begins anew with the next step, and keys that were returned before it come once more. A key that its first owner
lacks (evicted there, or its process is new and \`onReturn\` is \`serve\`) is not reported, as a read of the first owner does not find it.
\`DBSIZE\` is what all backends have, divided by the number of copies. That is exact while every backend of the pool is reachable, none is being
brought up to date or starts slowly, and none has lost or evicted keys that another owner still has; otherwise it is an estimate that
takes keys for evenly spread.

## Limits

| limit | default | |
|---|---|---|
| \`privateConnectionsMax\` | 4,096 | private connections to one backend |
| \`privateIdleMax\` | 16 | of these, kept for the next client |
| \`transactionKeysMax\` | 65,536 | keys of one transaction |
| \`transactionBytesMax\` | 1 MB | commands before the first key |
| \`blockedInputBytesMax\` | 64 KB | input of a client that waits, before its socket is no longer read |
| \`subscriptionsMax\` | 16,384 | channels and patterns of one client |
| \`subscriberOutputBytesMax\` | 32 MB | messages that a subscriber has not read |
| \`clientInputBytesMax\` | 1 GB | one incomplete command |
| \`clientOutputBytesMax\`, \`clientOutputBytesHardMax\` | 1 MB, 1 GB | unread replies: requests are no longer read, the client is closed |
| \`clientPipelineMax\` | 16,384 | unanswered commands of one client |
| \`argumentsMax\`, \`bulkBytesMax\`, \`inlineBytesMax\` | 1,048,576, 512 MB, 64 KB | as in Redis |`

const FOOT = `Answered here in part: \`CLIENT\` knows GETNAME, GETREDIR, ID, INFO, KILL, LIST, NO-EVICT, NO-TOUCH, REPLY, SETINFO, SETNAME, TRACKING
OFF, TRACKINGINFO and UNBLOCK, for the clients of its listener; \`CLUSTER\` knows KEYSLOT and says otherwise that cluster support is disabled; \`COMMAND\` knows COUNT,
DOCS, GETKEYS, INFO and LIST; \`CONFIG\` knows GET of a few settings that clients ask for; \`INFO\` adds up memory and keys of all
backends and lists them; \`SELECT\` knows database 0; \`SORT\` refuses BY and GET patterns whose keys may have other owners.`

function summary(): string {
  const counts = new Map<string, number>()
  for (const command of ROWS) {
    const treatment = treatmentOf(command)
    counts.set(treatment, (counts.get(treatment) ?? 0) + 1)
  }
  const parts = Array.from(counts, ([treatment, count]) => `${count} ${treatment}`)
  return `## The commands\n\n${ROWS.length} commands and subcommands: ${parts.sort().join(', ')}.`
}

/** A container has no meaning of its own. */
const ROWS = REDIS_COMMANDS.filter(({ run }) => run.type !== 'container')

function table(): string {
  const rows = ROWS.map(
    (command) =>
      `| \`${command.name.toUpperCase().replace('|', ' ')}\` | ${treatmentOf(command)} | ${command.access} | ${keys(command)} | ${replicated(command)} | ${note(command)} |`,
  )
  return ['| command | | access | keys | replicate | |', '|---|---|---|---|---|---|', ...rows].join(
    '\n',
  )
}

/** Empty where nothing is written, and where no key decides who gets it. */
function replicated(command: RedisCommand): string {
  const { keys: spec, run } = command
  if (spec.type === 'none' || run.type === 'refused' || run.type === 'transaction') return ''
  if (command.access === 'none') return ''
  if (run.type === 'blocking') return command.access === 'write' ? 'copy' : ''
  return replicationText(command) ?? ''
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
    case 'sorting':
      return spec.options.length === 0 ? '1' : `1, after ${spec.options.join(' or ')}`
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

function note({ name, run }: RedisCommand): string {
  switch (run.type) {
    case 'split':
    case 'all':
      return run.gather
    case 'refused':
      return run.reason
    case 'first':
      return 'one fixed backend'
    case 'blocking':
      return run.timeout === 'block' ? 'pinned with BLOCK, else routed' : ''
    case 'flow':
      return FLOW_NOTES[run.flow]
    case 'transaction':
      return name === 'watch' ? 'the owner of its keys' : ''
    case 'owner':
    case 'here':
    case 'subscription':
    case 'container':
      return ''
    default:
      return run satisfies never
  }
}

const FLOW_NOTES: Readonly<Record<FlowName, string>> = {
  dbsize: 'added up, each key once',
  info: 'added up',
  keys: 'each key once',
  kill: 'beside the busy connection; one that was killed is enough',
  publish: 'the owner of the channel',
  pubsub: 'added up by channel',
  randomkey: 'drawn by the number of keys, each key once',
  scan: 'one backend after the other',
  script: 'NOSCRIPT is repaired',
  'script-exists': 'here or at all',
  'script-flush': 'all-ok',
  'script-load': 'one that took it is enough',
  wait: 'the least',
}
