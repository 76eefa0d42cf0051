import { array, bulk, error, integer, type ReplyValue, simple } from '../codec/resp/encode.ts'
import { RequestFrame } from '../codec/resp/request-frame.ts'
import { commandOf, findRedisCommand } from './command-index.ts'
import { findKeys, wrongArity } from './command-keys.ts'
import { type RedisCommand, type Treatment, treatmentOf } from './redis-command.ts'
import { REDIS_COMMANDS } from './redis-commands.ts'

const OFFERED = REDIS_COMMANDS.filter(({ name, run }) => {
  return run.type !== 'refused' && !name.includes('|')
})

/** The reply of COMMAND and its subcommands: the commands that this router routes or answers. */
export function describeCommands(frame: RequestFrame): ReplyValue {
  if (frame.argc === 1) return array(OFFERED.map(describe))
  const sub = frame.text(1).toUpperCase()
  switch (sub) {
    case 'COUNT':
      return frame.argc === 2 ? integer(OFFERED.length) : error(wrongArity('command|count'))
    case 'LIST':
      return array(OFFERED.map(({ name }) => bulk(name)))
    case 'INFO':
      return array(named(frame).map((command) => (command ? describe(command) : NONE)))
    case 'DOCS':
      return docs(frame.argc === 2 ? OFFERED : named(frame))
    case 'GETKEYS':
      return keysOf(frame)
    default:
      return error(
        `ERR unknown subcommand '${frame.text(1)}'. Try COMMAND COUNT, DOCS, GETKEYS, INFO or LIST.`,
      )
  }
}

const NONE: ReplyValue = { type: 'null' }

function named(frame: RequestFrame): (RedisCommand | undefined)[] {
  const found: (RedisCommand | undefined)[] = []
  for (let at = 2; at < frame.argc; at++)
    found.push(findRedisCommand(frame.bytes, frame.from(at), frame.to(at)))
  return found
}

/** Name, arity, flags, first key, last key, step, then four empty lists (categories, tips, specifications, subcommands). */
function describe(command: RedisCommand): ReplyValue {
  const { keys, access } = command
  const flags: ReplyValue[] = []
  if (access === 'read') flags.push(simple('readonly'))
  if (access === 'write') flags.push(simple('write'))
  if (keys.type !== 'range' && keys.type !== 'none') flags.push(simple('movablekeys'))
  const [first, last, step] = triple(command)
  const empty = array([])
  return array([
    bulk(command.name),
    integer(command.arity),
    { type: 'set', items: flags },
    integer(first),
    integer(last),
    integer(step),
    { type: 'set', items: [] },
    empty,
    empty,
    empty,
  ])
}

function triple({ keys }: RedisCommand): readonly [number, number, number] {
  if (keys.type === 'range') return [keys.first, keys.last, keys.step]
  return keys.type === 'option' ? [1, 1, 1] : [0, 0, 0]
}

function docs(commands: readonly (RedisCommand | undefined)[]): ReplyValue {
  return {
    type: 'map',
    entries: commands
      .filter((command) => command !== undefined)
      .map((command) => [
        bulk(command.name),
        { type: 'map', entries: [[bulk('summary'), bulk(summary(command))]] },
      ]),
  }
}

function summary(command: RedisCommand): string {
  const { run } = command
  if (run.type === 'refused') return `Not routed: ${run.reason}.`
  return SUMMARIES[treatmentOf(command)]
}

const SUMMARIES: Readonly<Record<Treatment, string>> = {
  routed: 'Answered by the owner of its key.',
  split: 'Split over the owners of its keys.',
  gathered: 'Answered by all backends.',
  here: 'Answered by the router.',
  pinned: 'Answered by the owner of its keys, on a connection of its own.',
  subscription: 'Answered over the shared subscription of the channel.',
  refused: 'Not routed.',
}

function keysOf(frame: RequestFrame): ReplyValue {
  if (frame.argc < 3) return error("ERR wrong number of arguments for 'command|getkeys' command")
  const inner = innerFrame(frame)
  const command = commandOf(inner)
  if (command === undefined) return error('ERR Invalid command specified')
  const { arity } = command
  if (arity > 0 ? inner.argc !== arity : inner.argc < -arity)
    return error('ERR Invalid number of arguments specified for command')
  const found = findKeys(command.keys, inner, command.name)
  if (found.type === 'error') return error(found.text)
  if (found.indexes.length === 0) return error('ERR The command has no key arguments')
  return array(found.indexes.map((at) => bulk(inner.arg(at))))
}

/** The frame without `COMMAND GETKEYS`: the same bytes, its arguments moved by two. */
function innerFrame(frame: RequestFrame): RequestFrame {
  const inner = new RequestFrame()
  inner.bytes = frame.bytes
  inner.start = frame.start
  inner.end = frame.end
  inner.argc = frame.argc - 2
  for (let at = 2; at < frame.argc; at++) {
    inner.argStart.push(frame.argStart[at] as number)
    inner.argEnd.push(frame.argEnd[at] as number)
  }
  return inner
}
