import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../table/limits.ts'
import * as bits from './bit-commands.ts'
import * as counters from './counter-commands.ts'
import * as keys from './key-commands.ts'
import { ERRORS } from './reply.ts'
import type { CommandRun, StoreCommand } from './store-command.ts'
import * as strings from './string-commands.ts'

interface CommandRow {
  readonly arity: number
  readonly access: 'read' | 'write'
  readonly run: CommandRun
}

/** Makes sure that whatever a command writes fits the table: what it never takes must be an error, not a crash. */
const writing =
  (run: CommandRun): CommandRun =>
  (args, current, now, resp) => {
    const outcome = run(args, current, now, resp)
    if (outcome.type !== 'write') return outcome
    if (outcome.value.length > VALUE_BYTES_MAX) return ERRORS.tooLong
    return (args[1] as Uint8Array).length > KEY_BYTES_MAX ? ERRORS.keyTooLong : outcome
  }

const read = (arity: number, run: CommandRun): CommandRow => ({ arity, access: 'read', run })
const write = (arity: number, run: CommandRun): CommandRow => ({
  arity,
  access: 'write',
  run: writing(run),
})

const ROWS = {
  get: read(2, strings.get),
  set: write(-3, strings.set),
  setnx: write(3, strings.setnx),
  setex: write(4, strings.setex),
  psetex: write(4, strings.psetex),
  getset: write(3, strings.getset),
  getdel: write(2, strings.getdel),
  getex: write(-2, strings.getex),
  append: write(3, strings.append),
  strlen: read(2, strings.strlen),
  getrange: read(4, strings.getrange),
  substr: read(4, strings.getrange),
  setrange: write(4, strings.setrange),
  incr: write(2, counters.incr),
  decr: write(2, counters.decr),
  incrby: write(3, counters.incrby),
  decrby: write(3, counters.decrby),
  incrbyfloat: write(3, counters.incrbyfloat),
  del: write(-2, keys.del),
  unlink: write(-2, keys.del),
  exists: read(-2, keys.exists),
  touch: read(-2, keys.exists),
  type: read(2, keys.type),
  expire: write(-3, keys.expire),
  pexpire: write(-3, keys.pexpire),
  expireat: write(-3, keys.expireat),
  pexpireat: write(-3, keys.pexpireat),
  ttl: read(2, keys.ttl),
  pttl: read(2, keys.pttl),
  expiretime: read(2, keys.expiretime),
  pexpiretime: read(2, keys.pexpiretime),
  persist: write(2, keys.persist),
  getbit: read(3, bits.getbit),
  setbit: write(4, bits.setbit),
  bitcount: read(-2, bits.bitcount),
} as const satisfies Record<string, CommandRow>

/** The commands that the store knows, by name in lower case. Semantics, replies and error texts are those of Redis 7. */
export type StoreCommandName = keyof typeof ROWS

/** Every command of the store on one string key. Those of several keys are split per key before they come here. */
export const STORE_COMMANDS: Readonly<Record<StoreCommandName, StoreCommand>> = Object.freeze(
  Object.fromEntries(
    Object.entries<CommandRow>(ROWS).map(([name, row]) => [name, { name, ...row }]),
  ) as Record<StoreCommandName, StoreCommand>,
)

const CASE_BIT = 0x20
const HASH_MASK = 0x3fff_ffff

const codeAt = (name: Uint8Array | string, at: number): number =>
  typeof name === 'string' ? name.charCodeAt(at) : (name[at] as number)

/** A small integer of the name, whatever its case. All names are letters only. */
function nameHash(name: Uint8Array | string): number {
  let hash = name.length
  for (let i = 0; i < name.length; i++) {
    hash = (Math.imul(hash, 31) + (codeAt(name, i) | CASE_BIT)) & HASH_MASK
  }
  return hash
}

const NAME_LENGTH_MAX = Math.max(...Object.keys(ROWS).map((name) => name.length))
const BY_HASH: ReadonlyMap<number, StoreCommand> = new Map(
  Object.values(STORE_COMMANDS).map((command) => [nameHash(command.name), command]),
)

/** The command of that name in any case. Looks it up by bytes, and allocates nothing. */
export function findStoreCommand(name: Uint8Array | string): StoreCommand | undefined {
  if (name.length > NAME_LENGTH_MAX) return undefined
  const command = BY_HASH.get(nameHash(name))
  if (command === undefined || command.name.length !== name.length) return undefined
  for (let i = 0; i < name.length; i++) {
    // Only letters turn into lower-case letters by this bit.
    if ((codeAt(name, i) | CASE_BIT) !== command.name.charCodeAt(i)) return undefined
  }
  return command
}
