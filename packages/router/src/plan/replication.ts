import type { RequestFrame } from '../codec/resp/request-frame.ts'
import type { RedisCommand } from './redis-command.ts'

/**
 * How a write reaches the other owners of its keys.
 * `verbatim`: the same command, since equal states give equal results. `copy`: the primary runs it, then the keys are copied
 * (DUMP and RESTORE), because chance, a clock or a script decides the result. `refuse`: neither would leave equal copies.
 */
export type Replication = 'verbatim' | 'copy' | 'refuse'

type Rule = Replication | ((frame: RequestFrame) => Replication)

/** Commands that are not `verbatim`. Every other write gives the same result on equal states. */
const RULES: Readonly<Record<string, Rule>> = {
  // Chance.
  spop: 'copy',
  // The clock makes the id.
  xadd: (frame) => (hasIdOfItsOwn(frame) ? 'verbatim' : 'copy'),
  // Idle times and delivery counts depend on the moment.
  xautoclaim: 'copy',
  xclaim: 'copy',
  xreadgroup: 'copy',
  // `~` trims as the server's own listpack sizes have it.
  xtrim: 'copy',
  // Whether the condition holds depends on what is left of the old time.
  expire: conditionalExpiry,
  expireat: conditionalExpiry,
  pexpire: conditionalExpiry,
  pexpireat: conditionalExpiry,
  hexpire: 'copy',
  hexpireat: 'copy',
  hpexpire: 'copy',
  hpexpireat: 'copy',
  hpersist: 'copy',
  // Floating point text may differ between builds; Redis replicates its result, too.
  incrbyfloat: 'copy',
  hincrbyfloat: 'copy',
  zincrby: 'copy',
  // Scripts and functions may do any of these.
  eval: 'copy',
  evalsha: 'copy',
  fcall: 'copy',
  // Unordered sets come out in an order of each server's own: a list made of them may differ.
  sort: 'copy',
  // A read with one more key: what it stores is sorted by the server.
  georadius: storing,
  georadiusbymember: storing,
  // They make one key of others, and their replies do not tell its value. An owner where another key just changed on a private
  // connection (EXEC, BLMOVE), and the owners that will get a copy of that key, would make different ones and answer the same.
  copy: 'copy',
  rename: 'copy',
  renamenx: 'copy',
  sdiffstore: 'copy',
  sinterstore: 'copy',
  sunionstore: 'copy',
  zdiffstore: 'copy',
  zinterstore: 'copy',
  zunionstore: 'copy',
  zrangestore: 'copy',
  geosearchstore: 'copy',
  bitop: 'copy',
  pfmerge: 'copy',
}

/** O(arguments) for the few commands whose options decide, else O(1). */
export function replicationOf(command: RedisCommand, frame: RequestFrame): Replication {
  const rule = RULES[command.name]
  if (rule === undefined) return 'verbatim'
  return typeof rule === 'string' ? rule : rule(frame)
}

/** The rule of a command in words, for the page of commands; absent for reads. */
export function replicationText(command: RedisCommand): string | undefined {
  if (command.access === 'read') return undefined
  const rule = RULES[command.name] ?? 'verbatim'
  return typeof rule === 'string' ? rule : 'verbatim or copy'
}

function conditionalExpiry(frame: RequestFrame): Replication {
  for (let at = 3; at < frame.argc; at++) {
    const word = frame.text(at).toUpperCase()
    if (word === 'GT' || word === 'LT') return 'copy'
  }
  return 'verbatim'
}

/** `XADD key [NOMKSTREAM] [MAXLEN|MINID [=|~] n [LIMIT n]] id …`: true when the client chose the whole id. */
function hasIdOfItsOwn(frame: RequestFrame): boolean {
  let at = 2
  while (at < frame.argc) {
    const word = frame.text(at).toUpperCase()
    if (word === 'NOMKSTREAM') at++
    else if (word === 'MAXLEN' || word === 'MINID') {
      const mark = frame.text(at + 1)
      if (mark === '~') return false
      at += mark === '=' ? 3 : 2
    } else if (word === 'LIMIT') at += 2
    else return !word.includes('*')
  }
  return true
}

function storing(frame: RequestFrame): Replication {
  for (let at = 4; at < frame.argc; at++)
    if (frame.text(at).toUpperCase().startsWith('STORE')) return 'copy'
  return 'verbatim'
}
