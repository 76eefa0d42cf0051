import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import type { Placement } from '../../plan/plan-redis.ts'
import type { Replication } from '../../plan/replication.ts'
import type { RoutedCommand } from '../../plan/routed-command.ts'
import type { Backend } from '../backend.ts'
import type { Request } from '../request.ts'

/** What became of a key that was copied. */
export type Copied =
  | { readonly type: 'copied' | 'absent' }
  /** The target refused the copy (no memory, another release): it has no such key now. */
  | { readonly type: 'refused'; readonly text: string }

/** One command, read from its bytes. */
export interface CommandRead {
  /** Good until the next command is read. */
  readonly frame: RequestFrame
  /** The argument that is its first key. */
  readonly keyIndex: number
}

/** Takes a part of one key; its frame is valid during the call, its bytes stay. */
export type RunPart = (part: Request, frame: RequestFrame, keyIndex: number) => void

/** What a protocol knows about keeping copies of keys at several backends. */
export interface Copying {
  /** True when keys of one whole command that was not split have all owners in common, not only the first. */
  readonly keysShareOwners: boolean
  /** Reads one whole command; `undefined` when it has no key. */
  read(command: RoutedCommand, bytes: Buffer, start: number, end: number): CommandRead | undefined
  /** Its keys, as binary text. */
  keysOf(command: RoutedCommand, frame: RequestFrame, keyIndex: number): readonly string[]
  /** Where its first key is. */
  placeOf(frame: RequestFrame, keyIndex: number, placement: Placement): number
  /** How a write reaches the other owners. */
  replicationOf(command: RoutedCommand, frame: RequestFrame): Replication
  /** Runs a command with several keys as one per key, where their further owners may differ; false when there is no need. */
  runByKey(request: Request, frame: RequestFrame, placement: Placement, run: RunPart): boolean
  /** True for a reply that says nothing is there; it may also say so of a key that is. */
  isMiss(reply: Buffer): boolean
  /** True when two replies to one write mean equal states. */
  isSame(one: Buffer, other: Buffer): boolean

  /**
   * Makes the key at `target` what it is at `source`, its time to live included; nobody may write the key meanwhile.
   * @throws LostAsk
   */
  copy(source: Backend, target: Backend, key: Buffer): Promise<Copied>
  /**
   * Gives a target without the key a copy of it. What it got meanwhile is not overwritten.
   * @throws LostAsk
   */
  copyMissing(source: Backend, target: Backend, key: Buffer): Promise<void>
  /** @throws LostAsk */
  remove(backend: Backend, key: Buffer): Promise<void>
  /** Removes all keys. @throws LostAsk */
  empty(backend: Backend): Promise<void>
  /**
   * Resolves when connections of ours that broke with commands on them are over at the backend, so that those run no more.
   * @throws LostAsk
   */
  endGhosts(backend: Backend, names: readonly string[]): Promise<void>
  /** Where the backend can list its keys: what a returning one may have is compared with others. */
  readonly listing: KeyListing | undefined
}

/** Some of a backend's keys. */
export interface KeyPage {
  readonly keys: readonly Buffer[]
  /** Where the next page begins; `undefined` after the last. */
  readonly next: string | undefined
}

/** What is asked about all keys of a backend, and about the life of its process that has them. */
export interface KeyListing {
  /** @throws LostAsk */
  page(backend: Backend, from: string | undefined): Promise<KeyPage>
  /** @throws LostAsk */
  has(backend: Backend, key: Buffer): Promise<boolean>
  /** Names the run of the process; `undefined` when it does not say. @throws LostAsk */
  runOf(backend: Backend): Promise<string | undefined>
}
