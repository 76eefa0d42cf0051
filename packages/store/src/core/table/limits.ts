/** Longest key that the table takes, in bytes. */
export const KEY_BYTES_MAX = 64 * 1024

/** Longest value that the table takes, in bytes. */
export const VALUE_BYTES_MAX = 64 * 1024 * 1024

/** Number of slots of a table, unless its options say less. */
export const SLOT_COUNT_MAX = 16_384

/** The smallest `maxBytes` of a table: below it the fixed parts would leave no room for entries. */
export const TABLE_BYTES_MIN = 1024 * 1024

/** Entries of one table. 29 bits, so that (24 bits of hash, id) is a safe integer: the cursor of a scan. */
export const ENTRIES_MAX = 2 ** 29 - 2

/** `clearSlot` forgets slots up to this size at once; larger ones are taken apart by the operations that follow. */
export const CLEAR_AT_ONCE_MAX = 4_096

/** Log segments that one `put` copies together at most, so that no call stalls its event loop. */
export const CLEANINGS_PER_PUT_MAX = 8

/** Heap nodes that one `expired` call looks at for each entry it may return, when `accept` refuses slots. */
export const EXPIRY_VISITS_PER_ENTRY_MAX = 16
