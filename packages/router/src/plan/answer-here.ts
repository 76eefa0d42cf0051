import {
  array,
  bulk,
  error,
  integer,
  OK_REPLY,
  type ReplyValue,
  type RespVersion,
  simple,
} from '../codec/resp/encode.ts'
import type { RequestFrame } from '../codec/resp/request-frame.ts'
import { wrongArity } from './command-keys.ts'
import { describeCommands } from './describe-commands.ts'

/** What a client has said about itself. */
export interface ClientState {
  readonly id: number
  readonly address: string
  readonly resp: RespVersion
  readonly name: string
  readonly libName: string
  readonly libVersion: string
}

/** What the router knows when it answers. */
export interface HereFacts {
  /** Milliseconds since 1970. */
  readonly nowMs: number
  readonly uptimeMs: number
  readonly version: string
  readonly port: number
  readonly pool: string
  readonly clients: number
  readonly commands: number
}

/** The reply, and what changes for the client. */
export interface HereAnswer {
  readonly reply: ReplyValue
  readonly change?: Partial<ClientState>
  /** True when the connection ends after this reply. */
  readonly close?: boolean
}

type Answer = (frame: RequestFrame, client: ClientState, facts: HereFacts) => HereAnswer

/** The version of Redis whose command table this is, for clients that ask. */
const REDIS_VERSION = '7.0.15'

/** Answers a command that needs no backend; its arity has been checked. O(reply). */
export function answerHere(
  name: string,
  frame: RequestFrame,
  client: ClientState,
  facts: HereFacts,
): HereAnswer {
  const answer = ANSWERS[name]
  return answer === undefined
    ? say(error(`ERR unknown command '${name}'`))
    : answer(frame, client, facts)
}

const ANSWERS: Readonly<Record<string, Answer>> = {
  ping: (frame) => {
    if (frame.argc > 2) return say(error(wrongArity('ping')))
    return say(frame.argc === 2 ? bulk(frame.arg(1)) : simple('PONG'))
  },
  echo: (frame) => say(bulk(frame.arg(1))),
  quit: () => ({ reply: OK_REPLY, close: true }),
  select: answerSelect,
  hello: answerHello,
  auth: answerAuth,
  client: answerClient,
  command: (frame) => say(describeCommands(frame)),
  config: answerConfig,
  reset: () => ({
    reply: simple('RESET'),
    change: { resp: 2, name: '' },
  }),
  time: (_frame, _client, facts) =>
    say(
      array([
        bulk(String(Math.floor(facts.nowMs / 1_000))),
        bulk(String(Math.floor((facts.nowMs % 1_000) * 1_000))),
      ]),
    ),
  info: (frame, _client, facts) => say(bulk(describeServer(frame, facts))),
  readonly: () => say(OK_REPLY),
  readwrite: () => say(OK_REPLY),
}

function say(reply: ReplyValue): HereAnswer {
  return { reply }
}

function answerSelect(frame: RequestFrame): HereAnswer {
  const index = frame.text(1)
  if (!/^-?\d{1,9}$/.test(index)) return say(error('ERR value is not an integer or out of range'))
  return say(Number(index) === 0 ? OK_REPLY : error('ERR DB index is out of range'))
}

const WRONGPASS = error('WRONGPASS invalid username-password pair or user is disabled.')

function answerAuth(frame: RequestFrame): HereAnswer {
  if (frame.argc > 3) return say(error('ERR syntax error'))
  // As Redis does for its passwordless default user: `AUTH default anything` is right, `AUTH anything` is a mistake.
  if (frame.argc === 3) return say(frame.text(1) === 'default' ? OK_REPLY : WRONGPASS)
  return say(
    error(
      'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
    ),
  )
}

function answerHello(frame: RequestFrame, client: ClientState): HereAnswer {
  const wanted = frame.argc > 1 ? frame.text(1) : String(client.resp)
  if (!/^-?\d{1,9}$/.test(wanted))
    return say(error('ERR Protocol version is not an integer or out of range'))
  if (wanted !== '2' && wanted !== '3') return say(error('NOPROTO unsupported protocol version'))
  const resp: RespVersion = wanted === '3' ? 3 : 2
  let { name } = client
  for (let at = 2; at < frame.argc; at++) {
    const option = frame.text(at).toUpperCase()
    if (option === 'AUTH' && at + 2 < frame.argc) {
      if (frame.text(at + 1) !== 'default') return say(WRONGPASS)
      at += 2
    } else if (option === 'SETNAME' && at + 1 < frame.argc) {
      name = frame.text(at + 1)
      if (!isPrintable(name)) return say(error(BAD_NAME))
      at++
    } else return say(error(`ERR Syntax error in HELLO option '${frame.text(at)}'`))
  }
  return { reply: greeting(resp, client.id), change: { resp, name } }
}

function greeting(resp: RespVersion, id: number): ReplyValue {
  return {
    type: 'map',
    entries: [
      [bulk('server'), bulk('ringway')],
      [bulk('version'), bulk(REDIS_VERSION)],
      [bulk('proto'), integer(resp)],
      [bulk('id'), integer(id)],
      [bulk('mode'), bulk('standalone')],
      [bulk('role'), bulk('master')],
      [bulk('modules'), array([])],
    ],
  }
}

const BAD_NAME = 'ERR Client names cannot contain spaces, newlines or special characters.'

function isPrintable(text: string): boolean {
  return /^[\x21-\x7e]*$/.test(text)
}

/** Subcommands of CLIENT that a proxy can answer truthfully; the number of their arguments with `CLIENT`. */
function answerClient(frame: RequestFrame, client: ClientState): HereAnswer {
  const sub = frame.text(1).toUpperCase()
  switch (`${sub}/${frame.argc}`) {
    case 'SETNAME/3': {
      const name = frame.text(2)
      return isPrintable(name) ? { reply: OK_REPLY, change: { name } } : say(error(BAD_NAME))
    }
    case 'GETNAME/2':
      return say(client.name === '' ? { type: 'null' } : bulk(client.name))
    case 'SETINFO/4':
      return setInfo(frame)
    case 'ID/2':
      return say(integer(client.id))
    case 'INFO/2':
    case 'LIST/2':
      return say(bulk(describeClient(client)))
    case 'NO-EVICT/3':
    case 'NO-TOUCH/3':
      return say(/^(on|off)$/i.test(frame.text(2)) ? OK_REPLY : error('ERR syntax error'))
    case 'GETREDIR/2':
      return say(integer(-1))
    default:
      return say(
        error(
          `ERR 'client|${sub.toLowerCase()}' with these arguments is not answered by this router`,
        ),
      )
  }
}

function setInfo(frame: RequestFrame): HereAnswer {
  const value = frame.text(3)
  const option = frame.text(2).toLowerCase()
  if (!isPrintable(value))
    return say(error(`ERR ${option} cannot contain spaces, newlines or special characters.`))
  if (option === 'lib-name') return { reply: OK_REPLY, change: { libName: value } }
  if (option === 'lib-ver') return { reply: OK_REPLY, change: { libVersion: value } }
  return say(error(`ERR Unrecognized option '${frame.text(2)}'`))
}

function describeClient(client: ClientState): string {
  return `id=${client.id} addr=${client.address} name=${client.name} db=0 resp=${client.resp} lib-name=${client.libName} lib-ver=${client.libVersion}\n`
}

/** Settings that clients ask before they work (redis-benchmark: `save`, `appendonly`): nothing is kept on disk here. */
const SETTINGS: readonly (readonly [string, string])[] = [
  ['save', ''],
  ['appendonly', 'no'],
  ['databases', '1'],
  ['maxmemory', '0'],
]

function answerConfig(frame: RequestFrame): HereAnswer {
  if (frame.argc < 3 || frame.text(1).toUpperCase() !== 'GET')
    return say(error(`ERR 'config|${frame.text(1).toLowerCase()}' is not answered by this router`))
  const asked: string[] = []
  for (let at = 2; at < frame.argc; at++) asked.push(frame.text(at).toLowerCase())
  const entries = SETTINGS.filter(([name]) => asked.includes(name) || asked.includes('*'))
  return say({ type: 'map', entries: entries.map(([name, value]) => [bulk(name), bulk(value)]) })
}

function describeServer(frame: RequestFrame, facts: HereFacts): string {
  const asked = new Set<string>()
  for (let at = 1; at < frame.argc; at++) asked.add(frame.text(at).toLowerCase())
  const everything =
    asked.size === 0 || ['default', 'all', 'everything'].some((word) => asked.has(word))
  return sections(facts)
    .filter(([name]) => everything || asked.has(name))
    .map(
      ([name, lines]) => `# ${name[0]?.toUpperCase()}${name.slice(1)}\r\n${lines.join('\r\n')}\r\n`,
    )
    .join('\r\n')
}

function sections(facts: HereFacts): readonly (readonly [string, readonly string[]])[] {
  const uptimeSeconds = Math.floor(facts.uptimeMs / 1_000)
  return [
    [
      'server',
      [
        `redis_version:${REDIS_VERSION}`,
        'redis_mode:standalone',
        `ringway_version:${facts.version}`,
        `ringway_pool:${facts.pool}`,
        `tcp_port:${facts.port}`,
        `uptime_in_seconds:${uptimeSeconds}`,
      ],
    ],
    ['clients', [`connected_clients:${facts.clients}`]],
    ['persistence', ['loading:0']],
    ['stats', [`total_commands_processed:${facts.commands}`]],
    ['replication', ['role:master', 'connected_slaves:0']],
    ['cluster', ['cluster_enabled:0']],
    ['keyspace', []],
  ]
}
