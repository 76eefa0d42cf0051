import type { NodeOptions } from '../config/options.ts'

/** What was made of a file of another program. */
export interface Imported {
  /** The program, as messages name it. */
  readonly program: string
  /** The configuration of Ringway that serves the same keys from the same servers. */
  readonly options: NodeOptions
  /** What could not be translated, one sentence each, with the pool that it is about. */
  readonly untranslated: readonly string[]
  /** Pool → who owns a key in the other program, worked out from its own file; the id of a backend. */
  readonly owners: ReadonlyMap<string, ForeignOwner>
}

/** The owner of a key in the other program. */
export type ForeignOwner = (key: string) => string | undefined

/** Largest file that is read. */
export const IMPORT_BYTES_MAX = 4 * 1024 * 1024
