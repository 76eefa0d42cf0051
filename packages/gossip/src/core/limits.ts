/** Largest metadata of a member, in bytes; memberlist panics above it. */
export const META_BYTES_MAX = 512

/** Longest name, in UTF-8 bytes: with the largest metadata it still fits in the smallest packet budget (1,024). */
export const NAME_BYTES_MAX = 255

/**
 * Highest incarnation that is believed. A living member climbs by one per refutation or update, so
 * that nothing honest comes near; without a ceiling one packet with 2³²−1 evicts a member for good.
 */
export const INCARNATION_MAX = 0x7fff_ffff

/** Highest incarnation of an accusation: one less, so that every accusation can be answered. */
export const ACCUSED_INCARNATION_MAX = INCARNATION_MAX - 1

/** Parts of one compound; memberlist 0.2.2 misreads 128 and more. */
export const PACKET_MESSAGES_MAX = 127

/** Bytes of the length that a compound spends on each part. */
export const PART_OVERHEAD_BYTES = 2

/** Indirect probes that we carry out for others at one time; more are dropped. */
export const RELAYS_MAX = 1024

/** State exchanges that we remember to have begun; the oldest is forgotten. */
export const EXCHANGES_MAX = 256

/** User payloads that wait for gossip; the oldest is dropped. */
export const USER_BROADCASTS_MAX = 256
