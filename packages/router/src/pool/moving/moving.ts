import type { RequestFrame } from '../../codec/resp/request-frame.ts'
import type { RoutedCommand } from '../../plan/routed-command.ts'

/** One whole command of the router's own. */
export interface Question {
  readonly command: RoutedCommand
  readonly bytes: Buffer
}

/** What a protocol knows about keys that move from one server to another as they are used. */
export interface Moving {
  /** True for a command that needs nothing of what its keys held: nothing is copied before it. */
  overwrites(command: RoutedCommand, frame: RequestFrame): boolean
  /** True for a command that empties servers. */
  flushes(command: RoutedCommand): boolean
  /** True for a reply to a read of one key that may mean that there is no such key; no false negatives. */
  isMiss(bytes: Buffer, start: number, end: number): boolean
  /** What is asked of an old owner about a value, all at once. */
  read(key: Buffer): readonly Question[]
  /** What gives the value to a new owner that has none, made of the replies; `undefined` when there is no value. */
  restore(key: Buffer, replies: readonly Buffer[]): Question | undefined
  /** `present`: the new owner has one, which stays. */
  restored(reply: Buffer): 'stored' | 'present' | 'failed'
  exists(key: Buffer): Question
  isThere(reply: Buffer): boolean
  /** An error is neither. */
  isAbsent(reply: Buffer): boolean
  remove(key: Buffer): Question
  /** True for a reply to `remove` after which the key is gone. */
  isRemoved(reply: Buffer): boolean
  /** True for a reply that says that a server was not emptied. */
  isRefusal(reply: Buffer): boolean
}
