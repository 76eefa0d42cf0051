export { createStore } from './core/create-store.ts'
export type { ReplyToken, StoreEffects, StoreEvent } from './core/effects.ts'
export type { EntryTable } from './core/entry-table.ts'
export type { StoreMessage } from './core/messages.ts'
export type { StoreOptions } from './core/options.ts'
export type { StoreCounters, StoreStatus } from './core/status.ts'
export type { Store, StoreMember, StoreRequest, StoreTopology } from './core/store.ts'
export type {
  CommandFinder,
  CommandOutcome,
  CurrentEntry,
  KeyCommand,
} from './core/store-command.ts'
export { StoreError, type StoreErrorCode } from './core/store-error.ts'
