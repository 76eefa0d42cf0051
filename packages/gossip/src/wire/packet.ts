import type { Message } from '../core/messages.ts'
import { COMPOUND_HEADER_BYTES, eachPart, encodeCompound } from './compound.ts'
import { compressIfSmaller, decompress } from './compression.ts'
import { crc32 } from './crc32.ts'
import { ENVELOPE_OVERHEAD_MAX, openEnvelope, sealEnvelope } from './encryption.ts'
import { WireError } from './errors.ts'
import { addLabel, stripLabel } from './label.ts'
import {
  NESTING_DEPTH_MAX,
  PACKET_COMMANDS_MAX,
  PACKET_FAULTS_MAX,
  PACKET_INFLATED_BYTES_MAX,
} from './limits.ts'
import { decodeMessage, encodeMessage, MESSAGE_TYPE } from './message-codec.ts'
import { sealingKey, type WireContext } from './wire-context.ts'

/*
 * A datagram from the outside in:
 *
 *   [ f4 label ] [ version nonce ciphertext tag ] [ 0c crc32 ] [ 09 lzw ] command
 *
 * The order is fixed by memberlist; both directions walk the one table below.
 */
interface PacketLayer {
  readonly wrap: (inner: Uint8Array, context: WireContext, options: PacketOptions) => Uint8Array
  readonly unwrap: (outer: Uint8Array, context: WireContext) => Uint8Array
}

/** How one datagram is sent. */
export interface PacketOptions {
  /** Adds a checksum; only for peers whose PMax is at least 5. */
  readonly crc?: boolean
}

const CRC_HEADER_BYTES = 5

const LABEL: PacketLayer = {
  wrap: (inner, { label }) => addLabel(label, inner),
  unwrap: (outer, { label }) => outer.subarray(stripLabel(outer, label)),
}

const ENCRYPTION: PacketLayer = {
  wrap: (inner, context) => {
    const key = sealingKey(context)
    if (key === undefined) return inner
    const { aead, encryptionVersion, label, nonce } = context
    return sealEnvelope(aead, encryptionVersion, key, nonce(), inner, label)
  },
  unwrap: (outer, { aead, keyring, label, verifyIncoming }) => {
    if (keyring.primary === undefined) return outer
    try {
      return openEnvelope(aead, keyring.keys, outer, label)
    } catch (error) {
      // While a cluster moves to encryption, what does not open may be plain text of a peer without the key.
      if (verifyIncoming) throw error
      return outer
    }
  },
}

const CRC: PacketLayer = {
  wrap: (inner, _context, { crc }) => (crc === true ? addCrc(inner) : inner),
  unwrap: (outer) => (isChecksummed(outer) ? stripCrc(outer) : outer),
}

/** Inbound, compressed commands nest and are expanded by the command loop. */
const COMPRESSION: PacketLayer = {
  wrap: (inner, { compression }) => (compression ? compressIfSmaller(inner) : inner),
  unwrap: (outer) => outer,
}

const LAYERS_OUTSIDE_IN: readonly PacketLayer[] = [LABEL, ENCRYPTION, CRC, COMPRESSION]
const LAYERS_INSIDE_OUT: readonly PacketLayer[] = LAYERS_OUTSIDE_IN.toReversed()

/**
 * One datagram for 1 to 127 messages, a compound when there are several.
 * @throws WireError WIRE_LENGTH_EXCEEDED for more messages, or one that does not fit in a compound
 */
export function encodePacket(
  messages: readonly Message[],
  context: WireContext,
  options: PacketOptions = {},
): Uint8Array {
  const [first] = messages
  const command =
    messages.length === 1 && first !== undefined
      ? encodeMessage(first)
      : encodeCompound(messages.map(encodeMessage))
  return LAYERS_INSIDE_OUT.reduce((inner, layer) => layer.wrap(inner, context, options), command)
}

/**
 * Bytes that label, encryption and the compound's own header may add to the messages of a datagram.
 * Encryption counts even without a key, because a key may be installed at any time.
 */
export function packetOverhead({ encryptionVersion, label }: WireContext): number {
  const labelBytes = label.length === 0 ? 0 : 2 + label.length
  return (
    COMPOUND_HEADER_BYTES + labelBytes + ENVELOPE_OVERHEAD_MAX[encryptionVersion] + CRC_HEADER_BYTES
  )
}

export interface DecodedPacket {
  readonly messages: readonly Message[]
  /** What was dropped and why; a bad part does not spoil the others. */
  readonly faults: readonly WireError[]
}

interface Progress {
  readonly messages: Message[]
  readonly faults: WireError[]
  commands: number
  inflatedBytesLeft: number
}

/** Decodes a datagram. Never throws for bad bytes: they are in `faults`. */
export function decodePacket(packet: Uint8Array, context: WireContext): DecodedPacket {
  const progress: Progress = {
    messages: [],
    faults: [],
    commands: 0,
    inflatedBytesLeft: PACKET_INFLATED_BYTES_MAX,
  }
  guard(progress, () => {
    let inner = packet
    for (const layer of LAYERS_OUTSIDE_IN) inner = layer.unwrap(inner, context)
    readCommand(inner, 0, inner.length, 0, progress)
  })
  return progress
}

function guard(progress: Progress, work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    progress.faults.push(error)
  }
}

function readCommand(
  bytes: Uint8Array,
  from: number,
  end: number,
  depth: number,
  progress: Progress,
): void {
  progress.commands += 1
  if (progress.commands > PACKET_COMMANDS_MAX) {
    throw new WireError('WIRE_LENGTH_EXCEEDED', { what: 'commands', max: PACKET_COMMANDS_MAX })
  }
  const type = from < end ? bytes[from] : undefined
  if (type === MESSAGE_TYPE.compound) readCompound(bytes, from + 1, end, deeper(depth), progress)
  else if (type === MESSAGE_TYPE.compress) {
    const plain = decompress(bytes, from + 1, end, progress.inflatedBytesLeft)
    progress.inflatedBytesLeft -= plain.length
    readCommand(plain, 0, plain.length, deeper(depth), progress)
  } else progress.messages.push(decodeMessage(bytes, from, end))
}

function deeper(depth: number): number {
  if (depth >= NESTING_DEPTH_MAX) {
    throw new WireError('WIRE_DEPTH_EXCEEDED', { max: NESTING_DEPTH_MAX })
  }
  return depth + 1
}

function readCompound(
  bytes: Uint8Array,
  from: number,
  end: number,
  depth: number,
  progress: Progress,
): void {
  const lost = eachPart(bytes, from, end, (partFrom, partEnd) => {
    // A hostile packet must not buy more than a handful of exceptions.
    if (progress.faults.length >= PACKET_FAULTS_MAX) return
    guard(progress, () => readCommand(bytes, partFrom, partEnd, depth, progress))
  })
  if (lost > 0) throw new WireError('WIRE_TRUNCATED', { partsLost: lost })
}

function isChecksummed(bytes: Uint8Array): boolean {
  return bytes.length >= CRC_HEADER_BYTES && bytes[0] === MESSAGE_TYPE.crc
}

function addCrc(inner: Uint8Array): Uint8Array {
  const sum = crc32(inner)
  const bytes = new Uint8Array(CRC_HEADER_BYTES + inner.length)
  bytes.set([MESSAGE_TYPE.crc, sum >>> 24, (sum >>> 16) & 0xff, (sum >>> 8) & 0xff, sum & 0xff])
  bytes.set(inner, CRC_HEADER_BYTES)
  return bytes
}

function stripCrc(outer: Uint8Array): Uint8Array {
  let announced = 0
  for (let at = 1; at < CRC_HEADER_BYTES; at += 1) announced = announced * 256 + (outer[at] ?? 0)
  if (crc32(outer, CRC_HEADER_BYTES) !== announced) throw new WireError('WIRE_CRC')
  return outer.subarray(CRC_HEADER_BYTES)
}
