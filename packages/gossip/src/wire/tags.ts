import { WireError } from './errors.ts'
import { META_BYTES_MAX } from './limits.ts'
import { MsgpackReader } from './msgpack-reader.ts'
import { MsgpackWriter, runSize } from './msgpack-writer.ts'
import { decodeUtf8, isWellFormed, utf8Length } from './utf8.ts'

/** Serf marks metadata that is a map of tags with this byte. */
const TAGS_MARK = 0xff
const FIXMAP_MAX = 15

/** Small facts about a member that travel with its address. */
export type Tags = Readonly<Record<string, string>>

export type DecodedTags =
  | { readonly ok: true; readonly tags: Tags }
  /** `tags` holds what was readable before the bad byte. */
  | { readonly ok: false; readonly tags: Tags; readonly error: WireError }

/** Bytes of metadata that `tags` become. */
export function tagsSize(tags: Tags): number {
  const entries = Object.entries(tags)
  const header = 1 + (entries.length > FIXMAP_MAX ? 3 : 1)
  return entries.reduce(
    (sum, [key, value]) => sum + runSize(utf8Length(key)) + runSize(utf8Length(value)),
    header,
  )
}

/**
 * Member metadata: 0xff and a msgpack map of strings, what Serf shows as tags. Keys are sorted, so equal tags
 * are equal bytes.
 * @throws WireError WIRE_LENGTH_EXCEEDED beyond 512 bytes, WIRE_UTF8 for a lone surrogate
 */
export function encodeTags(tags: Tags): Uint8Array {
  const size = tagsSize(tags)
  if (size > META_BYTES_MAX) {
    throw new WireError('WIRE_LENGTH_EXCEEDED', { tags: size, max: META_BYTES_MAX })
  }
  const entries = Object.entries(tags).sort(([one], [other]) => (one < other ? -1 : 1))
  const writer = new MsgpackWriter(size)
  writer.byte(TAGS_MARK)
  writer.mapHeader(entries.length)
  for (const [key, value] of entries) {
    if (!isWellFormed(key) || !isWellFormed(value)) throw new WireError('WIRE_UTF8', { tag: key })
    writer.string(key)
    writer.string(value)
  }
  return writer.bytes
}

/** Reads metadata the way Serf does: what is not marked as tags is one tag `role`. Never throws. */
export function decodeTags(meta: Uint8Array): DecodedTags {
  const entries = new Map<string, string>()
  try {
    if (meta.length > META_BYTES_MAX) {
      throw new WireError('WIRE_LENGTH_EXCEEDED', { meta: meta.length, max: META_BYTES_MAX })
    }
    if (meta[0] === TAGS_MARK) readEntries(new MsgpackReader(meta, 1), entries)
    else entries.set('role', decodeUtf8(meta, 0, meta.length))
    return { ok: true, tags: Object.fromEntries(entries) }
  } catch (error) {
    if (!(error instanceof WireError)) throw error
    return { ok: false, tags: Object.fromEntries(entries), error }
  }
}

function readEntries(reader: MsgpackReader, entries: Map<string, string>): void {
  // The map's length is bounded by the metadata: each entry takes at least two of its bytes.
  for (let left = reader.readMapLength(); left > 0; left -= 1) {
    const key = reader.readString(META_BYTES_MAX)
    entries.set(key, reader.readString(META_BYTES_MAX))
  }
}
