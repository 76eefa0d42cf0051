import type * as encryption from '../../src/wire/encryption.ts'
import type * as errors from '../../src/wire/errors.ts'
import type * as keyring from '../../src/wire/keyring.ts'
import type * as lzw from '../../src/wire/lzw.ts'
import type * as messageCodec from '../../src/wire/message-codec.ts'
import type * as packet from '../../src/wire/packet.ts'
import type * as serf from '../../src/wire/serf.ts'
import type * as streamBody from '../../src/wire/stream-body.ts'
import type * as streamDecoder from '../../src/wire/stream-decoder.ts'
import type * as tags from '../../src/wire/tags.ts'

/** Modules of `src/wire` that the fuzzer calls: as they are, or with a bug planted. */
export const WIRE_MODULES = [
  'encryption',
  'errors',
  'keyring',
  'lzw',
  'message-codec',
  'packet',
  'serf',
  'stream-body',
  'stream-decoder',
  'tags',
] as const

export type Wire = typeof encryption &
  typeof errors &
  typeof keyring &
  typeof lzw &
  typeof messageCodec &
  typeof packet &
  typeof serf &
  typeof streamBody &
  typeof streamDecoder &
  typeof tags

/** Loads them with `load`, which gets a module's name. */
export async function loadWire(load: (module: string) => Promise<object>): Promise<Wire> {
  const modules = await Promise.all(WIRE_MODULES.map(load))
  // Together they are what the type says: one module per name.
  return Object.assign({}, ...modules) as Wire
}

/** The sources as they are. */
export function loadOwnWire(): Promise<Wire> {
  return loadWire((module) => import(`../../src/wire/${module}.ts`))
}
