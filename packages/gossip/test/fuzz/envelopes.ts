import { crc32 } from 'node:zlib'
import { aesGcm } from '../../src/net/aes-gcm.ts'
import type { WireErrorCode } from '../../src/wire/errors.ts'
import { NESTING_DEPTH_MAX } from '../../src/wire/limits.ts'
import { MESSAGE_TYPE } from '../../src/wire/message-codec.ts'
import { ByteWriter, concat } from './byte-writer.ts'
import { type ContextName, isKeyed, isLabelled, KEYS, LABEL } from './contexts.ts'
import type { Draw } from './draw.ts'
import { compressed } from './single-faults.ts'

/*
 * The layers around commands, written a second time and apart from `src/wire`, so that a mistake there has no twin here.
 */
const NOTHING = new Uint8Array(0)
const BLOCK = 16

/** `version | nonce | ciphertext | tag` with a key of the ring. */
export function seal(draw: Draw, plain: Uint8Array, aad: Uint8Array): Uint8Array {
  const version = draw.below(2)
  const padding = version === 0 ? BLOCK - (plain.length % BLOCK) : 0
  return sealPadded(draw, version, concat(plain, new Uint8Array(padding).fill(padding)), aad)
}

function sealPadded(draw: Draw, version: number, padded: Uint8Array, aad: Uint8Array): Uint8Array {
  const nonce = draw.bytes(12)
  return concat(Uint8Array.of(version), nonce, aesGcm.seal(draw.pick(KEYS), nonce, padded, aad))
}

/** Version 0 with a padding that is none: sealed by the right key, and still to be refused. */
export function sealBadly(draw: Draw, context: ContextName): Uint8Array {
  const plain = draw.bytes(16 * (1 + draw.below(3)))
  plain[plain.length - 1] = draw.pick([0, 17, 32, 255])
  return label(context, sealPadded(draw, 0, plain, aadOf(context)))
}

const aadOf = (context: ContextName) => (isLabelled(context) ? LABEL : NOTHING)

function label(context: ContextName, inner: Uint8Array): Uint8Array {
  return concat(labelHeader(context), inner)
}

export function labelHeader(context: ContextName): Uint8Array {
  return isLabelled(context)
    ? concat(Uint8Array.of(MESSAGE_TYPE.label, LABEL.length), LABEL)
    : NOTHING
}

/** The outer layers of a datagram of this cluster; a migrating one may also be plain. */
export function wrapPacket(draw: Draw, context: ContextName, command: Uint8Array): Uint8Array {
  const checked = draw.oneIn(3) && command.length > 0 ? withCrc(command, 0) : command
  const isSealed = isKeyed(context) && !(context === 'migrating' && draw.oneIn(2))
  return label(context, isSealed ? seal(draw, checked, aadOf(context)) : checked)
}

function withCrc(command: Uint8Array, off: number): Uint8Array {
  const out = new ByteWriter()
  out.u8(MESSAGE_TYPE.crc)
  out.uint((crc32(command) ^ off) >>> 0, 4)
  out.raw(command)
  return out.take()
}

/** A datagram whose outer layers have one fault. */
export function wrapBadly(
  draw: Draw,
  context: ContextName,
  command: Uint8Array,
): { readonly bytes: Uint8Array; readonly code: WireErrorCode } {
  const kinds: (() => { bytes: Uint8Array; code: WireErrorCode })[] = [
    () => {
      const off = withCrc(concat(command, Uint8Array.of(0)), 1 << draw.below(31))
      const inner = isKeyed(context) ? seal(draw, off, aadOf(context)) : off
      return { bytes: label(context, inner), code: 'WIRE_CRC' }
    },
    () => {
      const inner = wrapPacket(draw, context, command).subarray(labelHeader(context).length)
      const other = LABEL.slice()
      const last = other.length - 1
      other[draw.oneIn(2) ? last : draw.below(last)] = 0x21
      const header = draw.pick([
        concat(Uint8Array.of(MESSAGE_TYPE.label, other.length), other),
        Uint8Array.of(MESSAGE_TYPE.label, 0),
        concat(Uint8Array.of(MESSAGE_TYPE.label, LABEL.length + 1), LABEL, Uint8Array.of(0x21)),
      ])
      return { bytes: concat(header, inner), code: 'WIRE_LABEL' }
    },
  ]
  if (context === 'keyed' || context === 'keyed-labelled') {
    kinds.push(
      () => ({ bytes: sealBadly(draw, context), code: 'WIRE_ENCRYPTION' }),
      () => ({ bytes: label(context, command), code: 'WIRE_ENCRYPTION' }),
      () => {
        const sealed = seal(draw, command, aadOf(context))
        // The format does not seal the version byte.
        const at = 1 + draw.below(sealed.length - 1)
        sealed[at] = (sealed[at] ?? 0) ^ (1 << draw.below(8))
        return { bytes: label(context, sealed), code: 'WIRE_ENCRYPTION' }
      },
    )
  }
  return draw.pick(kinds)()
}

/** Commands in compounds and compressed parts, nested no deeper than allowed; a reader finds them in this order. */
export function pack(draw: Draw, commands: readonly Uint8Array[], depth = 0): Uint8Array {
  const [only] = commands
  const isDeepest = depth >= NESTING_DEPTH_MAX
  if (commands.length === 1 && only !== undefined && (isDeepest || !draw.oneIn(4))) return only
  if (!isDeepest && depth < NESTING_DEPTH_MAX - 1 && draw.oneIn(6)) {
    return compressed(pack(draw, commands, depth + 1))
  }
  return compound(commands.map((command) => pack(draw, [command], depth + 1)))
}

export function compound(parts: readonly Uint8Array[]): Uint8Array {
  const out = new ByteWriter()
  out.u8(MESSAGE_TYPE.compound, parts.length)
  for (const part of parts) out.uint(part.length, 2)
  for (const part of parts) out.raw(part)
  return out.take()
}

/** A stream direction as it travels: perhaps compressed, in a frame if there is a key, behind the label of a dialer. */
export function wrapStream(
  draw: Draw,
  context: ContextName,
  body: Uint8Array,
  isAcceptor: boolean,
): Uint8Array {
  const plain = draw.oneIn(3) && body.length > 0 ? compressed(body) : body
  const isSealed = isKeyed(context) && !(context === 'migrating' && draw.oneIn(2))
  const inner = isSealed ? frame(draw, context, plain) : plain
  return isAcceptor ? concat(labelHeader(context), inner) : inner
}

function frame(draw: Draw, context: ContextName, plain: Uint8Array): Uint8Array {
  const version = draw.below(2)
  const padding = version === 0 ? BLOCK - (plain.length % BLOCK) : 0
  const header = new ByteWriter()
  header.u8(MESSAGE_TYPE.encrypt)
  header.uint(1 + 12 + plain.length + padding + 16, 4)
  const head = header.take()
  const padded = concat(plain, new Uint8Array(padding).fill(padding))
  return concat(head, sealPadded(draw, version, padded, concat(head, aadOf(context))))
}
