import { array, bulk, error, integer, OK_REPLY, type ReplyValue } from '../codec/resp/encode.ts'
import type { RequestFrame } from '../codec/resp/request-frame.ts'
import type { HereAnswer, HereFacts } from './answer-here.ts'
import { type ClientFilter, type ClientState, describeClient, fits } from './client-state.ts'
import { wrongArity } from './command-keys.ts'

type Answer = (frame: RequestFrame, client: ClientState, facts: HereFacts) => HereAnswer

/** One subcommand of CLIENT: its arity with `CLIENT`, negative for a minimum. */
interface Sub {
  readonly arity: number
  readonly answer: Answer
}

export const BAD_NAME = 'ERR Client names cannot contain spaces, newlines or special characters.'

export function isPrintable(text: string): boolean {
  return /^[\x21-\x7e]*$/.test(text)
}

/** CLIENT, as far as a proxy can answer it truthfully. */
export function answerClient(
  frame: RequestFrame,
  client: ClientState,
  facts: HereFacts,
): HereAnswer {
  const word = frame.text(1).toLowerCase()
  const sub = SUBCOMMANDS[word]
  if (sub === undefined)
    return say(error(`ERR unknown subcommand '${frame.text(1)}'. Try CLIENT HELP.`))
  const { arity, answer } = sub
  if (arity > 0 ? frame.argc !== arity : frame.argc < -arity)
    return say(error(wrongArity(`client|${word}`)))
  return answer(frame, client, facts)
}

const SUBCOMMANDS: Readonly<Record<string, Sub>> = {
  setname: {
    arity: 3,
    answer: (frame) => {
      const name = frame.text(2)
      return isPrintable(name) ? { reply: OK_REPLY, change: { name } } : say(error(BAD_NAME))
    },
  },
  getname: {
    arity: 2,
    answer: (_frame, { name }) => say(name === '' ? { type: 'null' } : bulk(name)),
  },
  setinfo: { arity: 4, answer: setInfo },
  id: { arity: 2, answer: (_frame, { id }) => say(integer(id)) },
  info: {
    arity: 2,
    answer: (_frame, client, { nowMs }) => say(bulk(`${describeClient(client, nowMs)}\n`)),
  },
  list: { arity: -2, answer: listClients },
  kill: { arity: -3, answer: killClients },
  unblock: { arity: -3, answer: unblock },
  reply: { arity: 3, answer: setReplies },
  'no-evict': {
    arity: 3,
    answer: (frame) => switched(frame, (noEvict) => ({ reply: OK_REPLY, change: { noEvict } })),
  },
  'no-touch': { arity: 3, answer: (frame) => switched(frame, () => say(OK_REPLY)) },
  getredir: { arity: 2, answer: () => say(integer(-1)) },
  trackinginfo: {
    arity: 2,
    answer: () =>
      say({
        type: 'map',
        entries: [
          [bulk('flags'), { type: 'set', items: [bulk('off')] }],
          [bulk('redirect'), integer(-1)],
          [bulk('prefixes'), array([])],
        ],
      }),
  },
  tracking: {
    arity: -3,
    answer: (frame) =>
      say(
        /^off$/i.test(frame.text(2))
          ? OK_REPLY
          : error('ERR CLIENT TRACKING is not routed: invalidations belong to one server'),
      ),
  },
  caching: { arity: 3, answer: () => say(error('ERR CLIENT CACHING needs CLIENT TRACKING')) },
  pause: {
    arity: -3,
    answer: () => say(error('ERR CLIENT PAUSE is not routed: it stops one server for all clients')),
  },
  unpause: { arity: 2, answer: () => say(OK_REPLY) },
  help: {
    arity: 2,
    answer: () => say(array(Object.keys(SUBCOMMANDS).map((word) => bulk(word.toUpperCase())))),
  },
}

function say(reply: ReplyValue): HereAnswer {
  return { reply }
}

const SYNTAX = error('ERR syntax error')

function switched(frame: RequestFrame, act: (on: boolean) => HereAnswer): HereAnswer {
  const word = frame.text(2).toLowerCase()
  return word === 'on' || word === 'off' ? act(word === 'on') : say(SYNTAX)
}

function setReplies(frame: RequestFrame): HereAnswer {
  const word = frame.text(2).toLowerCase()
  if (word === 'on') return { reply: OK_REPLY, change: { replies: 'on' } }
  if (word === 'off' || word === 'skip') return { change: { replies: word } }
  return say(SYNTAX)
}

function setInfo(frame: RequestFrame): HereAnswer {
  const value = frame.text(3)
  const option = frame.text(2).toLowerCase()
  if (option !== 'lib-name' && option !== 'lib-ver')
    return say(error(`ERR Unrecognized option '${frame.text(2)}'`))
  if (!isPrintable(value))
    return say(error(`ERR ${option} cannot contain spaces, newlines or special characters.`))
  return {
    reply: OK_REPLY,
    change: option === 'lib-name' ? { libName: value } : { libVersion: value },
  }
}

function listClients(frame: RequestFrame, _client: ClientState, facts: HereFacts): HereAnswer {
  const filter = frame.argc === 2 ? {} : listFilter(frame)
  if (filter === undefined) return say(SYNTAX)
  const lines = facts
    .clientList()
    .filter((each) => fits(each, filter))
    .map((each) => `${describeClient(each, facts.nowMs)}\n`)
  return say(bulk(lines.join('')))
}

function listFilter(frame: RequestFrame): ClientFilter | undefined {
  const option = frame.text(2).toLowerCase()
  if (option === 'type' && frame.argc === 4) {
    const type = clientType(frame.text(3))
    return type === undefined ? undefined : { type }
  }
  if (option !== 'id' || frame.argc < 4) return undefined
  const ids = new Set<number>()
  for (let at = 3; at < frame.argc; at++) {
    if (!/^\d{1,15}$/.test(frame.text(at))) return undefined
    ids.add(Number(frame.text(at)))
  }
  return { ids }
}

function clientType(text: string): ClientFilter['type'] {
  const word = text.toLowerCase()
  if (word === 'slave') return 'replica'
  return word === 'normal' || word === 'pubsub' || word === 'master' || word === 'replica'
    ? word
    : undefined
}

const NO_SUCH_CLIENT = error('ERR No such client')

/** `CLIENT KILL addr` answers OK; `CLIENT KILL option value …` answers with how many it closed. */
function killClients(frame: RequestFrame, client: ClientState, facts: HereFacts): HereAnswer {
  if (frame.argc === 3) {
    const killed = facts.killClients({ address: frame.text(2) })
    return say(killed > 0 ? OK_REPLY : NO_SUCH_CLIENT)
  }
  if (frame.argc % 2 !== 0) return say(SYNTAX)
  let filter: ClientFilter = {}
  let skipMe = true
  for (let at = 2; at < frame.argc; at += 2) {
    const value = frame.text(at + 1)
    const option = frame.text(at).toLowerCase()
    if (option === 'id' && /^\d{1,15}$/.test(value))
      filter = { ...filter, ids: new Set([Number(value)]) }
    else if (option === 'addr') filter = { ...filter, address: value }
    else if (option === 'laddr') filter = { ...filter, localAddress: value }
    else if (option === 'user') filter = { ...filter, user: value }
    else if (option === 'type' && clientType(value) !== undefined)
      filter = { ...filter, type: clientType(value) ?? 'normal' }
    else if (option === 'skipme' && /^(yes|no)$/i.test(value)) skipMe = /^yes$/i.test(value)
    else return say(SYNTAX)
  }
  return say(integer(facts.killClients(filter, skipMe ? client.id : undefined)))
}

function unblock(frame: RequestFrame, _client: ClientState, facts: HereFacts): HereAnswer {
  const id = frame.text(2)
  const how = frame.argc > 3 ? frame.text(3).toLowerCase() : 'timeout'
  if (frame.argc > 4 || (how !== 'timeout' && how !== 'error'))
    return say(error('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR'))
  if (!/^\d{1,15}$/.test(id)) return say(error('ERR value is not an integer or out of range'))
  return say(integer(facts.unblockClient(Number(id), how === 'error') ? 1 : 0))
}
