import type { RequestDecoder } from '../codec/resp/request-decoder.ts'
import type { RedisPlan } from '../plan/plan-redis.ts'
import { Gathering } from '../pool/gathering.ts'
import type { Pool } from '../pool/pool.ts'
import { Request } from '../pool/request.ts'

/** Runs a command as its parts, one per owner of its keys; the whole gets the one reply. */
export function runParts(
  { parts, gather, keyCount }: Extract<RedisPlan, { type: 'split' }>,
  whole: Request,
  pool: Pool,
  decoder: RequestDecoder,
): void {
  const { command, resp } = whole
  const gathering = new Gathering(whole, gather, keyCount, parts.length)
  for (const { bytes, ordinals } of parts) {
    decoder.next(bytes, 0, bytes.length)
    pool.run(new Request(gathering, command, resp, ordinals, false), decoder.frame, 1, true)
  }
}
