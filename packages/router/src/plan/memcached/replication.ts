import { flagAt } from '../../codec/memcached/words.ts'
import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import type { Replication } from '../replication.ts'

const CAS_FLAG = 0x43
/** What meta replies say that differs from server to server: unique ids, times, whether it was fetched. */
const OWN_TOKENS = /^[cthl]/

/**
 * How a write reaches the other owners of its key. `cas` and the flag `C` compare with a unique id that is the first
 * owner's own: it decides, and the others get a copy of what became of the item. All other writes give equal results on
 * equal states.
 */
export function memcachedReplication(frame: RequestFrame): Replication {
  const name = frame.text(0)
  if (name === 'cas') return 'copy'
  const flags = name === 'ms' ? 3 : 2
  if (name !== 'ms' && name !== 'md' && name !== 'ma') return 'verbatim'
  for (let at = flags; at < frame.argc; at++) if (flagAt(frame, at) === CAS_FLAG) return 'copy'
  return 'verbatim'
}

/** True when two replies to the same write say that the same has become of the item. O(bytes). */
export function isSameOutcome(one: Buffer, other: Buffer): boolean {
  return one.equals(other) || outcomeOf(one) === outcomeOf(other)
}

/** A reply without what is each server's own. */
function outcomeOf(reply: Buffer): string {
  const text = reply.toString('latin1')
  const lineEnd = text.indexOf('\r\n')
  const line = text.slice(0, lineEnd)
  const [code = '', ...words] = line.split(' ')
  const rest = text.slice(lineEnd)
  // `VALUE <key> <flags> <bytes> [<unique id>]`
  if (code === 'VALUE') return [code, ...words.slice(0, 3)].join(' ') + rest
  if (code !== 'HD' && code !== 'VA') return text
  const sized = code === 'VA' ? words.slice(0, 1) : []
  const shared = words.slice(sized.length).filter((word) => !OWN_TOKENS.test(word))
  return [code, ...sized, ...shared].join(' ') + rest
}
