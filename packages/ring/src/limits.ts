/** The bounds of a ring. One step past any of them is a `RingError`. */
export const RING_LIMITS = {
  /** Nodes of one ring: owners are stored as 16-bit numbers. */
  nodesMax: 65_535,
  /** Points of one ring, all nodes together: 4096 nodes of weight 1 by default, about 100 MB. */
  pointsMax: 16_777_216,
  /** UTF-8 bytes of a node id. */
  nodeIdBytesMax: 512,
  /** UTF-8 bytes of a zone. */
  zoneBytesMax: 255,
} as const
