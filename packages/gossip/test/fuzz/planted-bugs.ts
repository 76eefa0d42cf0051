import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ts from 'typescript'
import { loadWire, type Wire } from './wire.ts'

/** A mistake in one line of a decoder: `from` is there exactly once and becomes `to`. */
export interface PlantedBug {
  readonly name: string
  readonly file: string
  readonly from: string
  readonly to: string
}

/** Mistakes that decoders are known for; each of them has to be found. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    name: 'a compound part may end one byte behind its packet',
    file: 'compound.ts',
    from: 'if (at + length > end) return',
    to: 'if (at + length > end + 1) return',
  },
  {
    name: 'versions of any length are taken',
    file: 'message-codec.ts',
    from: 'if (vsn.length !== VERSIONS_BYTES)',
    to: 'if (vsn.length > VERSIONS_BYTES)',
  },
  {
    name: 'addresses of five bytes are taken',
    file: 'message-codec.ts',
    from: 'if (length !== 4 && length !== 16)',
    to: 'if (length !== 4 && length !== 5 && length !== 16)',
  },
  {
    name: 'a member needs no name',
    file: 'message-codec.ts',
    from: "if (node === '') throw",
    to: "if (node === ' ') throw",
  },
  {
    name: 'numbers may be one above their limit',
    file: 'msgpack-reader.ts',
    from: 'if (value > max) throw',
    to: 'if (value > max + 1) throw',
  },
  {
    name: 'strings and bytes may be one longer than their limit',
    file: 'msgpack-reader.ts',
    from: 'if (length > bytesMax) throw tooLong(length, bytesMax)\n    return this.#takeRun(length)',
    to: 'if (length > bytesMax + 1) throw tooLong(length, bytesMax)\n    return this.#takeRun(length)',
  },
  {
    name: 'bytes are kept as a view of the packet',
    file: 'msgpack-reader.ts',
    from: 'return copyBytes(this.#bytes, from, from + length)',
    to: 'return this.#bytes.subarray(from, from + length)',
  },
  {
    name: 'negative numbers are read as large ones',
    file: 'msgpack-reader.ts',
    from: `if (tag >= INT_8 && (this.#bytes[from] ?? 0) >= 0x80) {
      throw new WireError('WIRE_FIELD', { want: 'a number of at least 0' })
    }
    return width`,
    to: 'return width',
  },
  {
    name: 'what is not UTF-8 is replaced',
    file: 'utf8.ts',
    from: 'fatal: true',
    to: 'fatal: false',
  },
  {
    name: 'unknown keys are not skipped',
    file: 'record.ts',
    from: 'if (field === undefined) reader.skip(SKIP)',
    to: 'if (field === undefined) continue',
  },
  {
    name: 'values inside a map are not counted',
    file: 'msgpack-scan.ts',
    from: 'if (seen + pending - 1 > limits.valuesMax)',
    to: 'if (seen + pending - 1 > 2 * limits.valuesMax)',
  },
  {
    name: 'nesting has one level too many',
    file: 'packet.ts',
    from: 'if (depth >= NESTING_DEPTH_MAX)',
    to: 'if (depth > NESTING_DEPTH_MAX)',
  },
  {
    name: 'a checksum need not match',
    file: 'packet.ts',
    from: "throw new WireError('WIRE_CRC')",
    to: 'return outer.subarray(CRC_HEADER_BYTES)',
  },
  {
    name: 'plain text is taken although there is a key',
    file: 'packet.ts',
    from: 'if (verifyIncoming) throw error',
    to: '',
  },
  {
    name: 'the last byte of a label is not compared',
    file: 'label.ts',
    from: 'index < wanted.length',
    to: 'index < wanted.length - 1',
  },
  {
    name: 'padding is not checked',
    file: 'encryption.ts',
    from: 'if (padding === 0 || padding > BLOCK_BYTES || padding > padded.length)',
    to: 'if (padding > padded.length)',
  },
  {
    name: 'what LZW expands to has no bound',
    file: 'lzw.ts',
    from: 'if (needed > this.#max)',
    to: 'if (needed > 1024 * this.#max)',
  },
  {
    name: 'LZW takes the last byte of a run for its first',
    file: 'lzw.ts',
    from: 'suffix[high] = first',
    to: 'suffix[high] = code & 0xff',
  },
  {
    name: 'LZW needs no end code',
    file: 'lzw.ts',
    from: "throw new WireError('WIRE_COMPRESSION', { why: 'no end code' })",
    to: 'return sink.take()',
  },
  {
    name: 'user state is taken a byte early',
    file: 'stream-body.ts',
    from: 'if (window.end - window.from < userStateBytes)',
    to: 'if (window.end - window.from < userStateBytes - 1)',
  },
  {
    name: 'any number of rows is read',
    file: 'stream-body.ts',
    from: 'if (Nodes > rowsMax)',
    to: 'if (Nodes > 2 * rowsMax)',
  },
  {
    name: 'one bad row ends the whole exchange',
    file: 'stream-body.ts',
    from: 'if (!(error instanceof WireError)) throw error\n    exchange',
    to: 'throw error\n    exchange',
  },
  {
    name: 'an envelope is opened a byte early',
    file: 'stream-decoder.ts',
    from: 'if (this.#to < body + length) return',
    to: 'if (this.#to < body + length - 1) return',
  },
  {
    name: 'streams need no encryption',
    file: 'stream-decoder.ts',
    from: 'if (keyring.primary !== undefined && verifyIncoming)',
    to: 'if (keyring.primary !== undefined && verifyIncoming && this.#isWhole)',
  },
  {
    name: 'a broken Serf intent throws',
    file: 'serf.ts',
    from: 'if (error instanceof WireError) return false',
    to: '',
  },
  {
    name: 'broken tags throw',
    file: 'tags.ts',
    from: 'if (!(error instanceof WireError)) throw error\n    return { ok: false',
    to: 'if (error) throw error\n    return { ok: false',
  },
  {
    name: 'the primary key can be removed',
    file: 'keyring.ts',
    from: 'if (found === this.primary) throw',
    to: 'if (found === undefined) throw',
  },
]

const SOURCES = join(import.meta.dirname, '..', '..', 'src', 'wire')
const require = createRequire(import.meta.url)

/** Compiles the sources once, and then makes one copy per bug with that bug in it. */
export class BugNursery {
  readonly #sources: ReadonlyMap<string, string>
  readonly #compiled: ReadonlyMap<string, string>
  readonly #folder: string

  private constructor(folder: string, sources: ReadonlyMap<string, string>) {
    this.#folder = folder
    this.#sources = sources
    this.#compiled = new Map(Array.from(sources, ([file, text]) => [file, compile(text)]))
  }

  static async open(): Promise<BugNursery> {
    const sources = new Map<string, string>()
    for (const file of await readdir(SOURCES)) {
      sources.set(file, await readFile(join(SOURCES, file), 'utf8'))
    }
    return new BugNursery(await mkdtemp(join(tmpdir(), 'ringway-planted-')), sources)
  }

  /** The wire with this bug, and with it alone. */
  async plant({ file, from, name, to }: PlantedBug): Promise<Wire> {
    const original = this.#sources.get(file) ?? ''
    const places = original.split(from).length - 1
    if (places !== 1) throw new Error(`"${name}" finds its place ${places} times in ${file}`)
    const root = join(this.#folder, name.replaceAll(/\W+/g, '-'))
    await mkdir(root)
    for (const [path, compiled] of this.#compiled) {
      const text = path === file ? compile(original.replace(from, () => to)) : compiled
      await writeFile(join(root, path.replace(/\.ts$/, '.js')), text)
    }
    return loadWire((module) => Promise.resolve(require(join(root, `${module}.js`))))
  }

  close(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true })
  }
}

/** CommonJS, which is loaded past the test runner. */
function compile(source: string): string {
  return ts.transpileModule(source, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.CommonJS,
      rewriteRelativeImportExtensions: true,
    },
  }).outputText
}
