import { setTimeout as delay } from 'node:timers/promises'
import { LINE, MemcachedDecoder } from '../../codec/memcached/request-decoder.ts'
import { findMemcachedVerb } from '../../codec/memcached/verbs.ts'
import type { RouterLimits } from '../../limits.ts'
import { gatherMemcached } from '../../plan/memcached/gather-memcached.ts'
import { keyAt, splitKeys } from '../../plan/memcached/plan-memcached.ts'
import { isSameOutcome, memcachedReplication } from '../../plan/memcached/replication.ts'
import type { Backend } from '../backend.ts'
import { Gathering } from '../gathering.ts'
import { Request } from '../request.ts'
import { askBytes, LostAsk } from './ask.ts'
import type { Copying } from './copying.ts'
import { copyItem, copyMissingItem, OWN_COMMAND, removeItem } from './memcached-item.ts'

/** How long late commands of a broken connection are waited for, and how often the server is asked about them. */
const GHOSTS_WAIT_MS = 10_000
const GHOSTS_ASK_MS = 20
const MISSES = ['END\r\n', 'EN\r\n'].map((text) => Buffer.from(text))
const FLUSH = Buffer.from('flush_all\r\n')
const CONNECTIONS = Buffer.from('stats conns\r\n')

/** Copies of memcached items: values travel with `mg` and `ms`, with flags and time to live. */
export function createMemcachedCopying(limits: RouterLimits): Copying {
  const decoder = new MemcachedDecoder(limits)
  return {
    keysShareOwners: false,
    read: (_command, bytes, start, end) => {
      if (decoder.next(bytes, start, end) !== LINE.frame) return undefined
      const keyIndex = decoder.verb?.keyAt ?? 0
      return keyIndex === 0 ? undefined : { frame: decoder.frame, keyIndex }
    },
    keysOf: (command, frame, keyIndex) => {
      const last = command.run.type === 'split' ? frame.argc : keyIndex + 1
      return Array.from({ length: last - keyIndex }, (_, i) =>
        keyAt(frame, keyIndex + i).toString('latin1'),
      )
    },
    placeOf: (frame, keyIndex, placement) => {
      const key = keyAt(frame, keyIndex)
      return placement.positionOf(key, 0, key.length)
    },
    replicationOf: (_command, frame) => memcachedReplication(frame),
    runByKey: (request, frame, placement, run) => {
      const { command, resp } = request
      const at = findMemcachedVerb(frame.bytes, frame.from(0), frame.to(0))?.keyAt ?? 1
      if (command.run.type !== 'split' || frame.argc === at + 1) return false
      let part = 0
      const alone = { ...placement, ownerOf: () => part++ }
      const keys = Array.from({ length: frame.argc - at }, (_, i) => Buffer.from(frame.arg(at + i)))
      const parts = splitKeys(frame, at, alone, request.ordinals)
      const owner =
        request.ordinals === undefined
          ? new Gathering(
              request,
              (replies) => gatherMemcached('values', replies, keys),
              keys.length,
              parts.length,
            )
          : request.regather(parts.length)
      const partDecoder = new MemcachedDecoder(limits)
      for (const { bytes, ordinals } of parts) {
        const smaller = new Request(owner, command, resp, ordinals, false)
        smaller.failures = request.failures
        if (partDecoder.next(bytes, 0, bytes.length) === LINE.frame)
          run(smaller, partDecoder.frame, at)
      }
      return true
    },
    isMiss: (reply) => MISSES.some((miss) => miss.equals(reply)),
    isSame: isSameOutcome,
    copy: copyItem,
    copyMissing: copyMissingItem,
    remove: removeItem,
    empty: async (backend) => {
      const reply = await askBytes(backend, OWN_COMMAND, FLUSH)
      if (!reply.toString('latin1').startsWith('OK')) throw new LostAsk(reply.toString('latin1'))
    },
    endGhosts,
    // A server that was restarted has nothing, and nothing old: there is nothing to compare.
    listing: undefined,
  }
}

/**
 * Memcached cannot end a connection of another client, but it tells which ones are open. One that we broke is over once the
 * server has read to its end, and with it the commands that were in it.
 */
async function endGhosts(backend: Backend, names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  for (let waited = 0; waited < GHOSTS_WAIT_MS; waited += GHOSTS_ASK_MS) {
    const reply = await askBytes(backend, OWN_COMMAND, CONNECTIONS)
    const open = reply.toString('latin1')
    // An old server does not know; it has had the time of one more turn then.
    if (!open.startsWith('STAT ') || !names.some((name) => open.includes(`:${name}\r`))) return
    await delay(GHOSTS_ASK_MS, undefined, { ref: false })
  }
}
