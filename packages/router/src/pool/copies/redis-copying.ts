import { DECODED, RequestDecoder } from '../../codec/resp/request-decoder.ts'
import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import type { RouterLimits } from '../../limits.ts'
import { findKeys, textsOf } from '../../plan/command-keys.ts'
import { type Placement, splitByOwner } from '../../plan/plan-redis.ts'
import { replicationOf } from '../../plan/replication.ts'
import type { RoutedCommand } from '../../plan/routed-command.ts'
import { Request } from '../request.ts'
import { ask, LostAsk } from './ask.ts'
import type { Copying, KeyListing } from './copying.ts'
import { copyKey, copyMissingKey } from './redis-copy-key.ts'
import { bulkOf, elementsOf, integerOf, isError } from './reply-parts.ts'

/** Keys per step while all keys of a server are listed. */
const SCAN_COUNT = 256
/** Some of these also answer for a key that is there, which costs one more question. */
const MISSES = ['$-1\r\n', '_\r\n', '*-1\r\n', '*0\r\n', '%0\r\n', '~0\r\n', ':0\r\n'].map((text) =>
  Buffer.from(text),
)
const MISS_BYTES_MAX = 5

/** Copies of Redis keys: values travel with DUMP and RESTORE. */
export function createRedisCopying(limits: RouterLimits): Copying {
  const decoder = new RequestDecoder(limits)
  return {
    keysShareOwners: true,
    read: (command, bytes, start, end) => {
      if (!('keys' in command) || decoder.next(bytes, start, end) !== DECODED.frame)
        return undefined
      const { frame } = decoder
      const found = findKeys(command.keys, frame, command.name)
      const keyIndex = found.type === 'error' ? undefined : found.indexes[0]
      return keyIndex === undefined ? undefined : { frame, keyIndex }
    },
    keysOf,
    placeOf: (frame, keyIndex, placement) =>
      placement.positionOf(frame.bytes, frame.from(keyIndex), frame.to(keyIndex)),
    replicationOf: (command, frame) =>
      'keys' in command ? replicationOf(command, frame) : 'verbatim',
    runByKey: (request, frame, placement, run) => {
      const { command, ordinals } = request
      if (!('keys' in command) || ordinals === undefined || ordinals.length === 1) return false
      let part = 0
      const alone: Placement = { ...placement, ownerOf: () => part++ }
      const parts = splitByOwner(command, frame, alone, ordinals)
      const owner = request.regather(parts.length)
      const partDecoder = new RequestDecoder(limits)
      for (const { bytes, ordinals: own } of parts) {
        const smaller = new Request(owner, command, request.resp, own, false)
        smaller.failures = request.failures
        smaller.ordering = request.ordering
        partDecoder.next(bytes, 0, bytes.length)
        run(smaller, partDecoder.frame, 1)
      }
      return true
    },
    isMiss: (reply) => reply.length <= MISS_BYTES_MAX && MISSES.some((miss) => miss.equals(reply)),
    isSame: (one, other) => one.equals(other),
    copy: copyKey,
    copyMissing: copyMissingKey,
    remove: async (backend, key) => {
      await ask(backend, ['UNLINK', key])
    },
    empty: async (backend) => {
      const reply = await ask(backend, ['FLUSHDB'])
      if (isError(reply)) throw new LostAsk(reply.toString('latin1'))
    },
    endGhosts: async (backend, names) => {
      for (const name of names) await ask(backend, ['CLIENT', 'KILL', 'ADDR', name])
    },
    listing: LISTING,
  }
}

const LISTING: KeyListing = {
  page: async (backend, from = '0') => {
    const reply = await ask(backend, ['SCAN', from, 'COUNT', String(SCAN_COUNT)])
    const [cursor, found] = elementsOf(reply)
    if (cursor === undefined || found === undefined) return { keys: [], next: undefined }
    const next = bulkOf(cursor)?.toString('latin1') ?? '0'
    const keys = elementsOf(found)
      .map(bulkOf)
      .filter((key) => key !== undefined)
    return { keys, next: next === '0' ? undefined : next }
  },
  has: async (backend, key) => integerOf(await ask(backend, ['EXISTS', key])) === 1,
  runOf: async (backend) => {
    const text = bulkOf(await ask(backend, ['INFO', 'server']))?.toString('latin1') ?? ''
    return /^run_id:(\w+)/m.exec(text)?.[1]
  },
}

function keysOf(command: RoutedCommand, frame: RequestFrame, keyIndex: number): readonly string[] {
  const found = 'keys' in command ? findKeys(command.keys, frame, command.name) : undefined
  const indexes = found === undefined || found.type === 'error' ? [keyIndex] : found.indexes
  return textsOf(frame, indexes)
}
