import { SwimError } from './errors.ts'

/** Timings and limits; units in the names, profiles `lan`, `wan` and `local` are memberlist's. */
export interface SwimConfig {
  readonly probeIntervalMs: number
  readonly probeTimeoutMs: number
  readonly indirectChecks: number
  readonly suspicionMult: number
  readonly suspicionMaxTimeoutMult: number
  readonly awarenessMaxMultiplier: number
  readonly retransmitMult: number
  readonly gossipIntervalMs: number
  readonly gossipNodes: number
  readonly gossipToTheDeadMs: number
  readonly pushPullIntervalMs: number
  /** A name of a dead member may move to another address after this long. @defaultValue 30_000 */
  readonly deadNodeReclaimMs: number
  readonly streamTimeoutMs: number
  /**
   * Bytes of messages that fit in one datagram, all overhead already taken off by the driver
   * (compound header, label, encryption). Each message costs `measure(message) + 2`.
   */
  readonly packetBytesMax: number
  /** How long dead members are retried, so that a partition heals by itself; 0 turns healing off. */
  readonly healForMs: number
  readonly healIntervalMs: number
  readonly membersMax: number
  readonly broadcastsMax: number
}

const DAY_MS = 86_400_000

/** UDP payload that memberlist fills (1400), less the two bytes of a compound header. */
const PACKET_BYTES_DEFAULT = 1400 - 2

const LAN: SwimConfig = {
  probeIntervalMs: 1_000,
  probeTimeoutMs: 500,
  indirectChecks: 3,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  awarenessMaxMultiplier: 8,
  retransmitMult: 4,
  gossipIntervalMs: 200,
  gossipNodes: 3,
  gossipToTheDeadMs: 30_000,
  pushPullIntervalMs: 30_000,
  deadNodeReclaimMs: 30_000,
  streamTimeoutMs: 10_000,
  packetBytesMax: PACKET_BYTES_DEFAULT,
  healForMs: DAY_MS,
  healIntervalMs: 10_000,
  membersMax: 16_384,
  broadcastsMax: 16_384,
}

/**
 * memberlist's three profiles, with our own reclaim time and healing.
 * `lan` suits one data centre, `wan` several, `local` the loopback of one machine.
 */
export const SWIM_PROFILES = {
  lan: LAN,
  wan: {
    ...LAN,
    probeIntervalMs: 5_000,
    probeTimeoutMs: 3_000,
    suspicionMult: 6,
    gossipIntervalMs: 500,
    gossipNodes: 4,
    gossipToTheDeadMs: 60_000,
    pushPullIntervalMs: 60_000,
    streamTimeoutMs: 30_000,
    healIntervalMs: 30_000,
  },
  local: {
    ...LAN,
    probeTimeoutMs: 200,
    indirectChecks: 1,
    suspicionMult: 3,
    retransmitMult: 2,
    gossipIntervalMs: 100,
    gossipToTheDeadMs: 15_000,
    pushPullIntervalMs: 15_000,
    streamTimeoutMs: 1_000,
    healIntervalMs: 2_000,
  },
} as const satisfies Record<string, SwimConfig>

export type SwimProfile = keyof typeof SWIM_PROFILES

/**
 * A profile with changes.
 * @throws SwimError `SWIM_CONFIG_INVALID` naming the first field outside its range.
 */
export function swimConfig(profile: SwimProfile, changes: Partial<SwimConfig> = {}): SwimConfig {
  const config: SwimConfig = { ...SWIM_PROFILES[profile], ...changes }
  validateConfig(config)
  return config
}

/** [least, most] of every field. */
const RANGES: Record<keyof SwimConfig, readonly [number, number]> = {
  probeIntervalMs: [10, 600_000],
  probeTimeoutMs: [1, 600_000],
  indirectChecks: [0, 64],
  suspicionMult: [1, 100],
  suspicionMaxTimeoutMult: [1, 100],
  awarenessMaxMultiplier: [1, 64],
  retransmitMult: [1, 100],
  gossipIntervalMs: [1, 60_000],
  gossipNodes: [1, 64],
  gossipToTheDeadMs: [0, DAY_MS],
  pushPullIntervalMs: [0, DAY_MS],
  deadNodeReclaimMs: [0, 7 * DAY_MS],
  streamTimeoutMs: [1, 600_000],
  packetBytesMax: [1_024, 65_535],
  healForMs: [0, 30 * DAY_MS],
  healIntervalMs: [10, DAY_MS],
  membersMax: [2, 1_048_576],
  broadcastsMax: [16, 1_048_576],
}

/** @throws SwimError `SWIM_CONFIG_INVALID` */
export function validateConfig(config: SwimConfig): void {
  for (const [field, range] of Object.entries(RANGES)) {
    const value = config[field as keyof SwimConfig]
    const [least, most] = range
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new SwimError('SWIM_CONFIG_INVALID', { field, got: value, least, most })
    }
  }
  // Without time left after the direct probe there would be no indirect one.
  if (config.probeTimeoutMs >= config.probeIntervalMs) {
    throw new SwimError('SWIM_CONFIG_INVALID', {
      field: 'probeTimeoutMs',
      got: config.probeTimeoutMs,
      below: config.probeIntervalMs,
    })
  }
}
