import { isIP } from 'node:net'
import { nameFault } from '../core/admission.ts'
import type { Address } from '../core/messages.ts'
import { formatAddress } from './addresses.ts'
import { PEERS_REMEMBERED_MAX } from './limits.ts'
import type { RememberedPeer } from './peer-book.ts'

/*
 * Remembered peers as JSON lines: a head that says what this is, then one peer per line, the latest seen first.
 *
 *   {"snapshot":"gossip-peers","version":1,"label":"prod"}
 *   {"name":"cache-b","address":"10.0.0.6:7946","seen":"2026-01-31T12:00:00.000Z"}
 *
 * A line that is not one costs only itself: half a file still finds the cluster.
 */
const KIND = 'gossip-peers'
const VERSION = 1

/** What a file says, or why it is not ours. */
export type SnapshotContent =
  | { readonly type: 'peers'; readonly peers: readonly RememberedPeer[]; readonly badLines: number }
  | { readonly type: 'foreign'; readonly why: string }

export function formatSnapshot(label: string, peers: readonly RememberedPeer[]): string {
  const lines: object[] = [{ snapshot: KIND, version: VERSION, label }]
  for (const { name, address, seenAt } of peers.slice(0, PEERS_REMEMBERED_MAX)) {
    lines.push({ name, address: formatAddress(address), seen: new Date(seenAt).toISOString() })
  }
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

/** @param now - Nobody was seen later than this, whatever a clock said then. */
export function parseSnapshot(text: string, label: string, now: number): SnapshotContent {
  const [head = '', ...lines] = text.split('\n')
  const why = headFault(parseObject(head), label)
  if (why !== undefined) return { type: 'foreign', why }
  const peers: RememberedPeer[] = []
  let badLines = 0
  for (const line of lines) {
    if (line === '') continue
    const peer = peers.length < PEERS_REMEMBERED_MAX ? readPeer(parseObject(line), now) : undefined
    if (peer === undefined) badLines += 1
    else peers.push(peer)
  }
  return { type: 'peers', peers, badLines }
}

type Fields = Readonly<Record<string, unknown>>

function headFault(head: Fields | undefined, label: string): string | undefined {
  if (head?.['snapshot'] !== KIND) return 'it is not a snapshot of gossip peers'
  if (head['version'] !== VERSION)
    return `its version is ${String(head['version'])}, not ${VERSION}`
  return head['label'] === label ? undefined : 'it is of a cluster with another label'
}

function parseObject(line: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Fields) : undefined
  } catch {
    return undefined
  }
}

function readPeer(fields: Fields | undefined, now: number): RememberedPeer | undefined {
  const name = fields?.['name']
  const address = readAddress(fields?.['address'])
  const seen = fields?.['seen']
  const seenAt = typeof seen === 'string' ? Date.parse(seen) : Number.NaN
  if (typeof name !== 'string' || nameFault(name) !== undefined) return undefined
  if (address === undefined || !Number.isFinite(seenAt)) return undefined
  return { name, address, seenAt: Math.min(seenAt, now) }
}

/** `host:port` with a numeric host, brackets around IPv6. */
export function readAddress(text: unknown): Address | undefined {
  if (typeof text !== 'string') return undefined
  const [, v6, v4, digits] =
    /^(?:\[([0-9a-fA-F:.]{2,45})\]|([0-9.]{7,15})):(\d{1,5})$/.exec(text) ?? []
  const host = v6 ?? v4 ?? ''
  const port = Number(digits)
  return isIP(host) > 0 && port >= 1 && port <= 65_535 ? { host, port } : undefined
}
