import { describe, expect, it } from 'vitest'
import { encodeReply, type RespVersion } from '../../src/codec/resp/encode.ts'
import { answerHere, type HereFacts } from '../../src/plan/answer-here.ts'
import type { ClientState } from '../../src/plan/client-state.ts'
import { frameOf } from '../testing/frame.ts'

const FACTS: HereFacts = {
  nowMs: 1_700_000_000_123,
  uptimeMs: 61_000,
  version: '1.2.3',
  port: 6380,
  pool: 'cache',
  clients: 2,
  commands: 9,
  clientsMax: 10_000,
  passwordNeeded: false,
  authenticate: (user) => user === 'default',
  clientList: () => [],
  killClients: () => 0,
  unblockClient: () => false,
}

function client(resp: RespVersion = 2): ClientState {
  return {
    id: 7,
    address: '127.0.0.1:5',
    localAddress: '127.0.0.1:6380',
    connectedAtMs: FACTS.nowMs - 4_000,
    resp,
    name: '',
    libName: '',
    libVersion: '',
    authenticated: true,
    user: 'default',
    replies: 'on',
    noEvict: false,
    mode: 'plain',
  }
}

function answer(args: string, state = client()) {
  const frame = frameOf(...args.split(' '))
  return answerHere(frame.text(0).toLowerCase(), frame, state, FACTS)
}

function text(args: string, state = client()): string {
  const { reply, change } = answer(args, state)
  return reply === undefined ? '' : encodeReply(reply, change?.resp ?? state.resp).toString()
}

describe('answerHere', () => {
  it('answers what clients ask when they connect', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['PING', '+PONG\r\n'],
      ['PING hi', '$2\r\nhi\r\n'],
      ['PING a b', "-ERR wrong number of arguments for 'ping' command\r\n"],
      ['ECHO hi', '$2\r\nhi\r\n'],
      ['SELECT 0', '+OK\r\n'],
      ['SELECT 1', '-ERR DB index is out of range\r\n'],
      ['SELECT x', '-ERR value is not an integer or out of range\r\n'],
      ['CLIENT ID', ':7\r\n'],
      ['CLIENT GETNAME', '$-1\r\n'],
      ['CLIENT NO-EVICT on', '+OK\r\n'],
      ['CONFIG GET save', '*2\r\n$4\r\nsave\r\n$0\r\n\r\n'],
      ['CONFIG GET appendonly', '*2\r\n$10\r\nappendonly\r\n$2\r\nno\r\n'],
      [
        'CONFIG GET save append*',
        '*4\r\n$10\r\nappendonly\r\n$2\r\nno\r\n$4\r\nsave\r\n$0\r\n\r\n',
      ],
      ['CLUSTER KEYSLOT foo', ':12182\r\n'],
      ['CLUSTER SLOTS', '-ERR This instance has cluster support disabled\r\n'],
      ['COMMAND GETKEYS EVAL x 2 a b c', '*2\r\n$1\r\na\r\n$1\r\nb\r\n'],
      ['COMMAND GETKEYS OBJECT FREQ k', '*1\r\n$1\r\nk\r\n'],
      ['READONLY', '+OK\r\n'],
      ['TIME', '*2\r\n$10\r\n1700000000\r\n$6\r\n123000\r\n'],
      ['COMMAND COUNT', ':226\r\n'],
      ['COMMAND GETKEYS MSET a 1 b 2', '*2\r\n$1\r\na\r\n$1\r\nb\r\n'],
      ['COMMAND INFO nosuch', '*1\r\n$-1\r\n'],
    ]
    for (const [args, reply] of cases) expect([args, text(args)]).toEqual([args, reply])
  })

  it('changes the version of the protocol with HELLO, and greets in it', () => {
    expect(answer('HELLO 3').change).toMatchObject({ resp: 3, name: '' })
    expect(text('HELLO 3')).toMatch(/^%7\r\n\$6\r\nserver\r\n\$7\r\nringway\r\n/)
    expect(text('HELLO 2', client(3))).toMatch(/^\*14\r\n/)
    expect(text('HELLO', client(3))).toMatch(/^%7\r\n/)
    expect(text('HELLO 4')).toBe('-NOPROTO unsupported protocol version\r\n')
    expect(text('HELLO x')).toBe('-ERR Protocol version is not an integer or out of range\r\n')
    expect(answer('HELLO 3 AUTH default x SETNAME me').change).toMatchObject({
      resp: 3,
      name: 'me',
    })
    expect(text('HELLO 3 AUTH bob x')).toMatch(/^-WRONGPASS/)
    expect(text('HELLO 3 NONSENSE')).toMatch(/^-ERR Syntax error in HELLO/)
  })

  it('answers AUTH as Redis without a password does', () => {
    expect(text('AUTH x')).toMatch(/^-ERR AUTH <password> called without any password configured/)
    expect(text('AUTH default x')).toBe('+OK\r\n')
    expect(text('AUTH bob x')).toMatch(/^-WRONGPASS/)
  })

  it('keeps what a client says about itself', () => {
    expect(answer('CLIENT SETNAME me').change).toEqual({ name: 'me' })
    expect(text('CLIENT SETNAME a\nb')).toMatch(/^-ERR Client names cannot contain/)
    expect(answer('CLIENT SETINFO LIB-NAME x').change).toEqual({ libName: 'x' })
    expect(text('CLIENT SETINFO x y')).toBe("-ERR Unrecognized option 'x'\r\n")
    expect(text('CLIENT KILL x')).toBe('-ERR No such client\r\n')
    expect(text('CLIENT NONSENSE')).toBe("-ERR unknown subcommand 'NONSENSE'. Try CLIENT HELP.\r\n")
    expect(text('CLIENT SETNAME')).toMatch(/^-ERR wrong number of arguments for 'client\|setname'/)
    expect(answer('CLIENT REPLY OFF')).toEqual({ change: { replies: 'off' } })
    expect(answer('RESET').change).toMatchObject({ resp: 2, name: '', replies: 'on' })
    expect(answer('QUIT').close).toBe(true)
  })

  it('asks for the password that the listener has', () => {
    const right = (user: string, password: Uint8Array) =>
      user === 'ann' && Buffer.from(password).toString() === 'secret'
    const facts = { ...FACTS, passwordNeeded: true, authenticate: right }
    const stranger = { ...client(), authenticated: false }
    const say = (args: string) => {
      const frame = frameOf(...args.split(' '))
      return answerHere(frame.text(0).toLowerCase(), frame, stranger, facts)
    }
    expect(say('AUTH ann secret').change).toEqual({ authenticated: true, user: 'ann' })
    for (const wrong of ['AUTH secret', 'AUTH ann Secret', 'HELLO 3 AUTH bob secret'])
      expect(say(wrong).reply).toMatchObject({ text: expect.stringMatching(/^WRONGPASS/) })
    expect(say('HELLO 3').reply).toMatchObject({ text: expect.stringMatching(/^NOAUTH HELLO/) })
    expect(say('HELLO 3 AUTH ann secret').change).toMatchObject({ resp: 3, authenticated: true })
    expect(say('RESET').change).toMatchObject({ authenticated: false })
  })

  it('describes itself in INFO', () => {
    expect(text('INFO')).toMatch(/ringway_version:1\.2\.3\r\n/)
    expect(text('INFO')).toMatch(/loading:0/)
    expect(text('INFO clients')).toMatch(/# Clients\r\nconnected_clients:2\r\nmaxclients:10000\r\n/)
    expect(text('INFO clients')).not.toMatch(/# Server/)
  })

  it('lists its commands in the form of COMMAND', () => {
    expect(text('COMMAND INFO get')).toBe(
      '*1\r\n*10\r\n$3\r\nget\r\n:2\r\n*1\r\n+readonly\r\n:1\r\n:1\r\n:1\r\n*0\r\n*0\r\n*0\r\n*0\r\n',
    )
    expect(text('COMMAND DOCS get', client(3))).toMatch(/^%1\r\n\$3\r\nget\r\n%1\r\n/)
    expect(text('COMMAND')).toMatch(/^\*226\r\n\*10\r\n/)
  })
})
