import { xxh64 } from './hash/xxh64.ts'
import type { CheckedNode } from './node.ts'
import type { RingwayOptions } from './options.ts'
import type { PlacementOptions } from './placement/placements.ts'
import { utf8Bytes } from './utf8.ts'

/** Names the byte layout below; a change of the layout or of the placement changes the name. */
const FORMAT = 'ringway-ring/1'
const DIGEST_DIGITS = 16

/**
 * The fingerprint of a ring's definition: xxh64, seed 0, over
 * `FORMAT 0 placement 0 keyHash 0 hashTags:u8 pointsPerWeight:u32 nodes:u32` and, per node in the order of the ids,
 * `idBytes:u32 id weight:f64 zoneBytes:u32 zone`; all numbers little-endian. The points follow from the definition, so
 * they are not hashed. O(bytes of ids and zones).
 */
export function ringDigest(
  nodes: readonly CheckedNode[],
  options: Required<RingwayOptions>,
): string {
  const head = utf8Bytes(`${FORMAT}\0${options.placement}\0${options.keyHash}\0`)
  const texts = nodes.map(({ id, zone }) => ({ id: utf8Bytes(id), zone: utf8Bytes(zone ?? '') }))
  const textBytes = texts.reduce((sum, { id, zone }) => sum + id.length + zone.length, 0)
  const bytes = new Uint8Array(head.length + 9 + textBytes + 16 * nodes.length)
  const view = new DataView(bytes.buffer)
  bytes.set(head)
  let at = head.length
  view.setUint8(at, options.hashTags ? 1 : 0)
  view.setUint32(at + 1, options.pointsPerWeight, true)
  view.setUint32(at + 5, nodes.length, true)
  at += 9
  for (const [i, { id, zone }] of texts.entries()) {
    view.setUint32(at, id.length, true)
    bytes.set(id, at + 4)
    at += 4 + id.length
    view.setFloat64(at, (nodes[i] as CheckedNode).weight, true)
    view.setUint32(at + 8, zone.length, true)
    bytes.set(zone, at + 12)
    at += 12 + zone.length
  }
  return digits(xxh64(bytes))
}

const PLACEMENT_FORMAT = 'ringway-placement/1'

/**
 * The fingerprint of a ring of another placement: xxh64, seed 0, of JSON without white space,
 * `[FORMAT, [[option, value], …] in the order of the names, [[id, weight, zone or ""], …] in the order of the nodes]`.
 */
export function placementDigest(
  nodes: readonly CheckedNode[],
  options: Required<PlacementOptions>,
): string {
  const settings = Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1))
  const servers = nodes.map(({ id, weight, zone }) => [id, weight, zone ?? ''])
  return digits(xxh64(JSON.stringify([PLACEMENT_FORMAT, settings, servers])))
}

function digits(hash: bigint): string {
  return hash.toString(16).padStart(DIGEST_DIGITS, '0')
}
