/** The first and the last protocol version that this release speaks. */
export const PROTOCOL_MIN = 1
export const PROTOCOL_MAX = 1

/** The largest frame, its four length bytes included. */
export const FRAME_BYTES_MAX = 16 * 1024 * 1024

/** The largest frame before both hellos are exchanged, its four length bytes included: what a stranger may make us hold. */
export const PREHELLO_BYTES_MAX = 4 * 1024

/** Values (scalars, arrays, maps) in one message: 16 MiB of empty maps would otherwise become a gigabyte of objects. */
export const BODY_VALUES_MAX = 1024 * 1024

/** Arrays and maps inside one another in one message. */
export const BODY_DEPTH_MAX = 64

/** UTF-8 bytes of a member's name. */
export const NAME_BYTES_MAX = 255

/** UTF-8 bytes of the cluster identity. */
export const CLUSTER_BYTES_MAX = 255

/** Entries of `fields` in a hello. */
export const FIELDS_MAX = 32

/** UTF-8 bytes of one field's key. */
export const FIELD_KEY_BYTES_MAX = 64

/** UTF-8 bytes of one field's value. */
export const FIELD_VALUE_BYTES_MAX = 1024

/** Length of an instance as text: 8 bytes in hexadecimal. */
export const INSTANCE_LENGTH = 16

/** UTF-8 bytes of the code of a failure or refusal. Longer ones are cut when sent. */
export const CODE_BYTES_MAX = 64

/** UTF-8 bytes of a reason: the text of a failure, refusal or goodbye. Longer ones are cut when sent. */
export const REASON_BYTES_MAX = 1024

/** The longest deadline that a request can carry: a day. */
export const REQUEST_TIMEOUT_MS_MAX = 86_400_000
