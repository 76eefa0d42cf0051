import { slotOf } from '@ringway/ring'
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
import { answerClient, BAD_NAME, isPrintable } from './answer-client.ts'
import type { ClientFilter, ClientState } from './client-state.ts'
import { wrongArity } from './command-keys.ts'
import { describeCommands } from './describe-commands.ts'
import { matchesGlob } from './glob.ts'
import { REDIS_COMMANDS } from './redis-commands.ts'
import { describeServer, REDIS_VERSION } from './server-info.ts'

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
  /** Clients are served at once at most. */
  readonly clientsMax: number
  /** Whether the listener has a password, and whether these are right. */
  readonly passwordNeeded: boolean
  readonly authenticate: (user: string, password: Uint8Array) => boolean
  /** The clients of this listener. */
  readonly clientList: () => readonly ClientState[]
  /** Closes those that fit, but for one; how many they are. */
  readonly killClients: (filter: ClientFilter, exceptId?: number) => number
  /** Ends the wait of a client in a blocking command; false when it is in none. */
  readonly unblockClient: (id: number, withError: boolean) => boolean
}

/** The reply, and what changes for the client. */
export interface HereAnswer {
  /** Absent for CLIENT REPLY OFF and SKIP. */
  readonly reply?: ReplyValue
  readonly change?: Partial<ClientState>
  /** True when the connection ends after this reply. */
  readonly close?: boolean
}

type Answer = (frame: RequestFrame, client: ClientState, facts: HereFacts) => HereAnswer

/** Answers a command that needs no backend; its arity has been checked. O(reply). */
export function answerHere(
  name: string,
  frame: RequestFrame,
  client: ClientState,
  facts: HereFacts,
): HereAnswer {
  const [container = '', sub] = name.split('|')
  if (sub === 'help') return say(helpOf(container))
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
  cluster: answerCluster,
  command: (frame) => say(describeCommands(frame)),
  config: answerConfig,
  reset: (_frame, _client, facts) => ({
    reply: simple('RESET'),
    change: {
      resp: 2,
      name: '',
      replies: 'on',
      noEvict: false,
      user: 'default',
      authenticated: !facts.passwordNeeded,
    },
  }),
  time: (_frame, _client, facts) =>
    say(
      array([
        bulk(String(Math.floor(facts.nowMs / 1_000))),
        bulk(String(Math.floor((facts.nowMs % 1_000) * 1_000))),
      ]),
    ),
  info: (frame, _client, facts) => say(bulk(describeServer(frame, facts, undefined))),
  readonly: () => say(OK_REPLY),
  readwrite: () => say(OK_REPLY),
  asking: () => say(OK_REPLY),
}

function say(reply: ReplyValue): HereAnswer {
  return { reply }
}

function helpOf(container: string): ReplyValue {
  const prefix = `${container}|`
  const lines = REDIS_COMMANDS.filter(({ name, run }) => {
    return name.startsWith(prefix) && run.type !== 'refused'
  }).map(({ name }) => bulk(name.slice(prefix.length).toUpperCase()))
  return array([bulk(`${container.toUpperCase()} <subcommand> [<arg> ...]. Here:`), ...lines])
}

function answerSelect(frame: RequestFrame): HereAnswer {
  const index = frame.text(1)
  if (!/^-?\d{1,9}$/.test(index)) return say(error('ERR value is not an integer or out of range'))
  return say(Number(index) === 0 ? OK_REPLY : error('ERR DB index is out of range'))
}

const WRONGPASS = error('WRONGPASS invalid username-password pair or user is disabled.')

function answerAuth(frame: RequestFrame, _client: ClientState, facts: HereFacts): HereAnswer {
  if (frame.argc > 3) return say(error('ERR syntax error'))
  // As Redis does for its passwordless default user: `AUTH default anything` is right, `AUTH anything` is a mistake.
  if (frame.argc === 2 && !facts.passwordNeeded)
    return say(
      error(
        'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
      ),
    )
  const user = frame.argc === 3 ? frame.text(1) : 'default'
  return facts.authenticate(user, frame.arg(frame.argc - 1))
    ? { reply: OK_REPLY, change: { authenticated: true, user } }
    : say(WRONGPASS)
}

function answerHello(frame: RequestFrame, client: ClientState, facts: HereFacts): HereAnswer {
  const wanted = frame.argc > 1 ? frame.text(1) : String(client.resp)
  if (!/^-?\d{1,9}$/.test(wanted))
    return say(error('ERR Protocol version is not an integer or out of range'))
  if (wanted !== '2' && wanted !== '3') return say(error('NOPROTO unsupported protocol version'))
  const resp: RespVersion = wanted === '3' ? 3 : 2
  let { name, user, authenticated } = client
  for (let at = 2; at < frame.argc; at++) {
    const option = frame.text(at).toUpperCase()
    if (option === 'AUTH' && at + 2 < frame.argc) {
      user = frame.text(at + 1)
      if (!facts.authenticate(user, frame.arg(at + 2))) return say(WRONGPASS)
      authenticated = true
      at += 2
    } else if (option === 'SETNAME' && at + 1 < frame.argc) {
      name = frame.text(at + 1)
      if (!isPrintable(name)) return say(error(BAD_NAME))
      at++
    } else return say(error(`ERR Syntax error in HELLO option '${frame.text(at)}'`))
  }
  if (!authenticated) return say(error(HELLO_NOAUTH))
  return { reply: greeting(resp, client.id), change: { resp, name, user, authenticated } }
}

const HELLO_NOAUTH =
  'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time'

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

/** Settings that clients ask before they work (redis-benchmark: `save`, `appendonly`): nothing is kept on disk here. */
function settings(facts: HereFacts): readonly (readonly [string, string])[] {
  return [
    ['appendonly', 'no'],
    ['databases', '1'],
    ['maxclients', String(facts.clientsMax)],
    ['maxmemory', '0'],
    ['maxmemory-policy', 'noeviction'],
    ['notify-keyspace-events', ''],
    ['port', String(facts.port)],
    ['proto-max-bulk-len', '536870912'],
    ['save', ''],
    ['timeout', '0'],
  ]
}

function answerConfig(frame: RequestFrame, _client: ClientState, facts: HereFacts): HereAnswer {
  const sub = frame.text(1).toLowerCase()
  if (sub !== 'get')
    return say(error(`ERR 'config|${sub}' is not answered by this router: a setting is a server's`))
  if (frame.argc < 3) return say(error(wrongArity('config|get')))
  const asked: string[] = []
  for (let at = 2; at < frame.argc; at++) asked.push(frame.text(at).toLowerCase())
  const entries = settings(facts).filter(([name]) =>
    asked.some((pattern) => matchesGlob(pattern, name)),
  )
  return say({ type: 'map', entries: entries.map(([name, value]) => [bulk(name), bulk(value)]) })
}

/** To its clients the router is one server without cluster mode. */
function answerCluster(frame: RequestFrame): HereAnswer {
  if (frame.text(1).toLowerCase() === 'keyslot' && frame.argc === 3)
    return say(integer(slotOf(frame.arg(2))))
  return say(error('ERR This instance has cluster support disabled'))
}
