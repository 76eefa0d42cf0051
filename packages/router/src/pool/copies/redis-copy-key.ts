import type { Backend } from '../backend.ts'
import { ask } from './ask.ts'
import type { Copied } from './copying.ts'
import { bulkOf, integerOf, isError } from './reply-parts.ts'

const REFUSAL_SHOWN_MAX = 120

/**
 * Makes the key at `target` what it is at `source`, its time to live included. Both are asked in one go each; nobody may write
 * the key meanwhile.
 * @throws LostAsk
 */
export async function copyKey(source: Backend, target: Backend, key: Buffer): Promise<Copied> {
  const [dump, ttl] = await Promise.all([ask(source, ['DUMP', key]), ask(source, ['PTTL', key])])
  const payload = bulkOf(dump)
  if (payload === undefined) {
    await ask(target, ['UNLINK', key])
    return { type: 'absent' }
  }
  const reply = await ask(target, ['RESTORE', key, ttlText(ttl), payload, 'REPLACE'])
  if (!isError(reply)) return { type: 'copied' }
  await ask(target, ['UNLINK', key])
  return { type: 'refused', text: reply.toString('latin1', 1).trim().slice(0, REFUSAL_SHOWN_MAX) }
}

/**
 * Gives a target without the key a copy of it. What it got meanwhile is not overwritten.
 * @throws LostAsk
 */
export async function copyMissingKey(source: Backend, target: Backend, key: Buffer): Promise<void> {
  const [dump, ttl] = await Promise.all([ask(source, ['DUMP', key]), ask(source, ['PTTL', key])])
  const payload = bulkOf(dump)
  if (payload === undefined) return
  const reply = await ask(target, ['RESTORE', key, ttlText(ttl), payload])
  if (isError(reply)) return
  // Deleted by another router between the two: the copy must not bring it back.
  if (integerOf(await ask(source, ['EXISTS', key])) === 0) await ask(target, ['UNLINK', key])
}

/** RESTORE takes 0 for "for ever"; a key in its last millisecond gets one. */
function ttlText(reply: Buffer): string {
  const ttl = integerOf(reply)
  return ttl === -1 || Number.isNaN(ttl) ? '0' : String(Math.max(1, ttl))
}
