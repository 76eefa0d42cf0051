import type { HostPort } from '../config/address.ts'

/**
 * Member metadata: what every member must know of a member before it can be linked to it. At most 512 bytes on the
 * wire, so keys are one or two letters (DESIGN §5). Everything larger travels over peer links.
 */
export const TAGS = {
  version: 'v',
  instance: 'i',
  zone: 'z',
  weight: 'w',
  state: 's',
  peerPort: 'p',
  adminPort: 'a',
  definitions: 'h',
  cluster: 'c',
} as const

/** As `zone` in config/schema.ts. */
export const ZONE_CHARACTERS_MAX = 64

/** Above it a handful of members would fill a ring: weights are shares, not megabytes. */
export const WEIGHT_MAX = 64

export const MEMBER_STATES = ['joining', 'active', 'draining'] as const
export type MemberState = (typeof MEMBER_STATES)[number]

/** What a Ringway member says of itself. */
export interface MemberFacts {
  readonly version: string
  /** 16 hex digits, drawn at each start: a new instance has lost its memory. */
  readonly instance: string
  readonly zone?: string
  readonly weight: number
  readonly state: MemberState
  readonly peerPort: number
  readonly adminPort?: number
  /** 8 hex digits of placement and pool definitions; members that differ are reported. */
  readonly definitions: string
  /** 8 hex digits of the cluster identity; members that differ do not join each other. Absent in older releases. */
  readonly cluster?: string
}

/** A member with the address that gossip knows. */
export interface ClusterMember extends MemberFacts {
  readonly name: string
  readonly address: HostPort
  readonly suspect: boolean
}

export function writeTags(facts: MemberFacts): Record<string, string> {
  return {
    [TAGS.version]: facts.version,
    [TAGS.instance]: facts.instance,
    ...(facts.zone === undefined ? {} : { [TAGS.zone]: facts.zone }),
    [TAGS.weight]: String(facts.weight),
    [TAGS.state]: facts.state,
    [TAGS.peerPort]: String(facts.peerPort),
    ...(facts.adminPort === undefined ? {} : { [TAGS.adminPort]: String(facts.adminPort) }),
    [TAGS.definitions]: facts.definitions,
    ...(facts.cluster === undefined ? {} : { [TAGS.cluster]: facts.cluster }),
  }
}

/** Reads tags; undefined for a member that is not Ringway (a Serf agent, a plain memberlist process). */
export function readTags(tags: Readonly<Record<string, string>>): MemberFacts | undefined {
  const instance = tags[TAGS.instance]
  const peerPort = readPort(tags[TAGS.peerPort])
  if (instance === undefined || !/^[0-9a-f]{16}$/.test(instance) || peerPort === undefined)
    return undefined
  const adminPort = readPort(tags[TAGS.adminPort])
  const zone = readZone(tags[TAGS.zone])
  const cluster = tags[TAGS.cluster]
  return {
    version: tags[TAGS.version] ?? '',
    instance,
    ...(zone === undefined ? {} : { zone }),
    weight: readWeight(tags[TAGS.weight]),
    state: MEMBER_STATES.find((state) => state === tags[TAGS.state]) ?? 'joining',
    peerPort,
    ...(adminPort === undefined ? {} : { adminPort }),
    definitions: tags[TAGS.definitions] ?? '',
    ...(cluster === undefined ? {} : { cluster }),
  }
}

/** A longer zone than the configuration allows comes from a foreign program, and no ring would take it. */
function readZone(text: string | undefined): string | undefined {
  return text === undefined || text === '' || text.length > ZONE_CHARACTERS_MAX ? undefined : text
}

function readPort(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return undefined
  const port = Number(text)
  return port > 0 && port <= 65_535 ? port : undefined
}

function readWeight(text: string | undefined): number {
  const weight = Number(text)
  return Number.isFinite(weight) && weight > 0 && weight <= WEIGHT_MAX ? weight : 1
}
