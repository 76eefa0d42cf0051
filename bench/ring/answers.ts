import { createRing, type Ring } from '@ringway/ring'
import { check } from '../harness.ts'
import { addresses, asNodes, consistentHash, hashRingUncached, sessionKeys } from './subjects.ts'

const KNOWN_HASHRING_SUM = 1337537854

/** Checks every contender before anything is timed. */
export function checkAnswers(): void {
  const ids = addresses(100)
  const ring = createRing(asNodes(ids))
  const points = ring.points()
  for (const key of sessionKeys(1000)) {
    const position = ring.hash(key)
    const found = points.positions.findIndex((point) => point >= position)
    const owner = points.owners[found === -1 ? 0 : found]
    check(ring.owner(key) === ring.nodes[owner ?? -1]?.id, `owner of ${key}`)
    check(ring.owner(Buffer.from(key)) === ring.owner(key), `bytes of ${key}`)
  }
  const large = createRing(asNodes(addresses(1000)))
  const joined = large.with({ id: 'joining' })
  check(samePoints(joined, createRing([...large.nodes, { id: 'joining' }])), 'with()')
  check(samePoints(joined.without('joining'), large), 'without()')
  checkHashRing()
  const others = consistentHash(ids)
  for (const key of sessionKeys(1000)) check(ids.includes(others.get(key)), 'consistent-hash')
}

/** The sum that libmemcached and twemproxy give for the same five servers. */
function checkHashRing(): void {
  const ids = Array.from({ length: 5 }, (_, i) => `10.0.0.${i + 1}:6379`)
  const ring = hashRingUncached(ids)
  let sum = 0
  for (let i = 0; i < 100_000; i++)
    sum = (Math.imul(sum, 31) + ids.indexOf(ring.get(`k${i}`))) >>> 0
  check(sum === KNOWN_HASHRING_SUM, 'hashring')
}

function samePoints(a: Ring, b: Ring): boolean {
  const [left, right] = [a.points(), b.points()]
  return (
    a.digest === b.digest &&
    Buffer.compare(bytesOf(left.positions), bytesOf(right.positions)) === 0 &&
    Buffer.compare(bytesOf(left.owners), bytesOf(right.owners)) === 0
  )
}

function bytesOf(array: Uint32Array | Float64Array | Uint16Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}
