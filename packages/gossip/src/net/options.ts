import { randomInt } from 'node:crypto'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Address } from '../core/messages.ts'
import type { Random, SwimConfig } from '../core/swim.ts'
import type { Tags } from '../wire/tags.ts'
import { isWildcard, plainHost } from './addresses.ts'
import { GossipError } from './errors.ts'
import type { Admit } from './kinship.ts'
import type { Log } from './limited-log.ts'
import type { VersionRange } from './member-view.ts'
import type { Resolver } from './seeds.ts'

/** How a memberlist is made; absent means default. */
export interface MemberlistOptions {
  /** Unique in the cluster, 1…255 bytes of UTF-8. */
  readonly name: string
  /** Numeric host and port, for datagrams and streams alike; port 0 lets the system choose. */
  readonly bind: Address
  /** What others are told; a wildcard bind advertises the first private IPv4 address by default. */
  readonly advertise?: { readonly host: string; readonly port?: number }
  /** Timings of one data centre, several, or one machine. @defaultValue 'lan' */
  readonly profile?: 'lan' | 'wan' | 'local'
  /** Changes to the profile; `packetBytesMax` is the whole UDP payload here (1400 by default). */
  readonly tuning?: Partial<SwimConfig>
  /** At most 512 bytes when encoded. */
  readonly tags?: Tags
  /** Which delegate versions we speak: those of a plain memberlist, of Serf, or any others. @defaultValue 'plain' */
  readonly delegate?: 'plain' | 'serf' | VersionRange
  /** Clusters with different labels do not talk to each other. At most 255 bytes. */
  readonly label?: string
  /** AES keys of 16, 24 or 32 bytes; the first one seals. Without keys nothing is encrypted. */
  readonly keys?: readonly Uint8Array[]
  /** False accepts plain text although there is a key. @defaultValue true */
  readonly verifyIncoming?: boolean
  /** False sends plain text although there is a key. @defaultValue true */
  readonly verifyOutgoing?: boolean
  /** Ranges that members may come from; none allow all. Others get no answer at all. */
  readonly cidrsAllowed?: readonly string[]
  /** Compresses what becomes smaller by it. @defaultValue true */
  readonly compression?: boolean
  /**
   * Which members are ours, by their tags: only they get user messages.
   * By default those with the tags `v` (version) and `i` (instance), which every Ringway node carries.
   */
  readonly isKin?: (tags: Tags) => boolean
  /**
   * Says why a member of ours (see `isKin`) must stay out of this cluster, in words for the operators of both sides, or
   * undefined to let it in. Asked before a join, about the states of push/pulls, and about every new claim that somebody is
   * alive; must be quick and must not throw. A cluster in which all of ours are refused is not joined
   * (GOSSIP_CLUSTER_MISMATCH) and gets the reason as its answer.
   */
  readonly admit?: Admit
  /**
   * Keeps the members that were met in this file, for `rejoin` after a restart: at most 1,024 of them, each for 72 hours after
   * it was last seen. Only this member may use the file. It is replaced as a whole; a file that cannot be used is a line in the
   * log.
   */
  readonly snapshot?: { readonly path: string }
  readonly log?: Log
  readonly random?: Random
  /** How seeds become addresses. */
  readonly resolver?: Resolver
}

const PRESETS = {
  plain: { min: 0, max: 0, current: 0 },
  // Version 4 is understood by every Serf since 0.8.0.
  serf: { min: 2, max: 5, current: 4 },
} as const satisfies Record<string, VersionRange>

/** memberlist's own range and version since 0.1.0. */
const PROTOCOL = [1, 5, 2] as const

/** The six version bytes; throws GOSSIP_OPTION_INVALID for a range that is none. */
export function versionsOf(delegate: MemberlistOptions['delegate'] = 'plain'): Uint8Array {
  const { min, max, current } = typeof delegate === 'string' ? PRESETS[delegate] : delegate
  const isRange = [min, max, current].every((v) => Number.isInteger(v) && v >= 0 && v <= 255)
  if (!isRange || min > current || current > max) {
    throw new GossipError('GOSSIP_OPTION_INVALID', {
      delegate: `${min}-${max} (speaks ${current})`,
      allowed: '0 ≤ min ≤ current ≤ max ≤ 255',
    })
  }
  return Uint8Array.of(...PROTOCOL, min, max, current)
}

/** Checks what the sockets would only complain about without naming the option. */
export function checkBind({ host, port }: Address): Address {
  if (isIP(host) === 0) {
    throw new GossipError('GOSSIP_OPTION_INVALID', { 'bind.host': host, allowed: 'an IP address' })
  }
  checkPort('bind.port', port, 0)
  return { host: plainHost(host), port }
}

function checkPort(option: string, port: number, least: number): void {
  if (Number.isInteger(port) && port >= least && port <= 65_535) return
  throw new GossipError('GOSSIP_OPTION_INVALID', { [option]: port, allowed: `${least}…65535` })
}

/**
 * The address that others are told.
 * @throws GossipError GOSSIP_OPTION_INVALID when it is not numeric, or when there is none to choose
 */
export function advertised(options: MemberlistOptions, bound: Address): Address {
  const host = plainHost(options.advertise?.host ?? defaultHost(bound.host))
  const port = options.advertise?.port ?? bound.port
  if (isIP(host) === 0 || isWildcard(host)) {
    throw new GossipError('GOSSIP_OPTION_INVALID', {
      'advertise.host': host,
      allowed: 'the IP address that others reach us at',
    })
  }
  checkPort('advertise.port', port, 1)
  return { host, port }
}

function defaultHost(bound: string): string {
  if (!isWildcard(bound)) return bound
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family } of addresses ?? []) {
      if (family === 'IPv4' && PRIVATE_IPV4.test(address)) return address
    }
  }
  throw new GossipError('GOSSIP_OPTION_INVALID', {
    'advertise.host': 'absent',
    allowed: 'required here: this machine has no private IPv4 address',
  })
}

const PRIVATE_IPV4 = /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)/

export const systemRandom: Random = { below: (bound) => randomInt(bound) }

/** DESIGN §5: every Ringway node says its version and its instance. */
export const isRingway = (tags: Tags): boolean => tags['v'] !== undefined && tags['i'] !== undefined
