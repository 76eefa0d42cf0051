import { encodeCommand, type RespVersion } from '../codec/resp/encode.ts'
import type { BackendAccess } from '../topology.ts'
import { type LostCause, NO_RESP3_CAUSE } from './lost-cause.ts'

/** A command of our own that a connection begins with. */
export interface Greeting {
  readonly bytes: Buffer
  /** What an error reply to it means. */
  readonly refused: (text: string) => LostCause
}

const REFUSAL_SHOWN_MAX = 120

/** What a new connection says before any client's command, in order. */
export function greetingsOf(access: BackendAccess, resp: RespVersion): readonly Greeting[] {
  const greetings: Greeting[] = []
  const { username, password, database = 0 } = access
  if (password !== undefined)
    greetings.push(
      greeting(
        username === undefined ? ['AUTH', password] : ['AUTH', username, password],
        (text) => ({ code: 'AUTH_FAILED', text: `refused our AUTH (${shown(text)})` }),
      ),
    )
  if (resp === 3) greetings.push(greeting(['HELLO', '3'], helloRefused))
  if (database > 0)
    greetings.push(
      greeting(['SELECT', String(database)], (text) => ({
        code: 'AUTH_FAILED',
        text: `refused database ${database} (${shown(text)})`,
      })),
    )
  return greetings
}

function greeting(words: readonly string[], refused: Greeting['refused']): Greeting {
  return { bytes: encodeCommand(words.map((word) => Buffer.from(word))), refused }
}

/** Redis 6 answers HELLO with NOAUTH when it wants a password; older servers do not know the command. */
function helloRefused(text: string): LostCause {
  if (text.startsWith('-NOAUTH'))
    return { code: 'AUTH_FAILED', text: `wants a password (${shown(text)})` }
  return NO_RESP3_CAUSE
}

function shown(text: string): string {
  return text.slice(1).trim().slice(0, REFUSAL_SHOWN_MAX)
}
