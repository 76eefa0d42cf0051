export type { Current, Outcome, StoreCommand } from './core/commands/store-command.ts'
export { findStoreCommand } from './core/commands/store-commands.ts'
export { createStore } from './core/create-store.ts'
export type { ReplyToken, StoreEffects, StoreEvent } from './core/effects.ts'
export type { EntryTable } from './core/entry-table.ts'
export type { StoreMessage } from './core/messages.ts'
export type { CommandFinder, StoreOptions } from './core/options.ts'
export {
  MEMBERS_MAX,
  PENDING_COMMANDS_MAX,
  PENDING_WRITES_MAX,
  REPLICAS_MAX,
  WAITERS_PER_WRITE_MAX,
} from './core/options.ts'
export { createMessageParser } from './core/parse-message.ts'
export type { StoreCounters, StoreStatus } from './core/status.ts'
export type { Store, StoreMember, StoreRequest, StoreTopology } from './core/store.ts'
export { StoreError, type StoreErrorCode } from './core/store-error.ts'
export { createEntryTable } from './core/table/arena-table.ts'
