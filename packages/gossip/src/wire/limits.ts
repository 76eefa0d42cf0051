/** The longest member name. Go sets no limit, but an alive with 512 bytes of metadata has to fit in a datagram. */
export const NAME_BYTES_MAX = 512
/** memberlist's own limit of a member's metadata. */
export const META_BYTES_MAX = 512
/** Six version numbers, always: a shorter field crashes Go peers, so it is never stored nor relayed. */
export const VERSIONS_BYTES = 6
/** A label's length travels in one byte. */
export const LABEL_BYTES_MAX = 255
/** Application bytes of an ack (Serf puts a coordinate there, about 130 bytes). */
export const ACK_PAYLOAD_BYTES_MAX = 4_096
/** The text of an error reply. */
export const ERROR_TEXT_BYTES_MAX = 4_096

/** Parts we put into one compound; 0.2.2 misreads a compound of 128. */
export const COMPOUND_PARTS_SENT_MAX = 127
/** Compound in compressed in compound: how deep a packet may nest. */
export const NESTING_DEPTH_MAX = 4
/** Commands (compounds and compressed parts included) looked at in one datagram, whatever its compression hides. */
export const PACKET_COMMANDS_MAX = 1_024
/** Bytes that all compressed parts of one datagram may expand to, together. */
export const PACKET_INFLATED_BYTES_MAX = 262_144

/** Values (at any depth) inside one message map. Counting them bounds the scan, and with it the depth. */
export const MAP_VALUES_MAX = 4_096
/** One row of a push/pull, unknown fields included. */
export const STATE_ROW_BYTES_MAX = 16_384
/** Rows of one push/pull: memberlist's limit. */
export const STATE_ROWS_MAX = 1_048_576
/** All rows of one push/pull. */
export const STATE_ROWS_BYTES_MAX = 20 * 1_048_576
/** Refused rows that are kept for the log; the rest is only counted. */
export const REFUSED_ROWS_KEPT_MAX = 16
/** The header maps of stream messages. */
export const STREAM_HEADER_BYTES_MAX = 16_384
/** Application state of a push/pull: memberlist's limit. */
export const USER_STATE_BYTES_MAX = 20 * 1_048_576
/** A user message over a stream: memberlist's limit. */
export const USER_MESSAGE_BYTES_MAX = 20 * 1_048_576
/** An encrypted stream frame: memberlist's limit. */
export const ENCRYPTED_FRAME_BYTES_MAX = 20 * 1_048_576
/** The compressed form of a stream message. */
export const COMPRESSED_BYTES_MAX = 20 * 1_048_576
/** What a compressed stream message may expand to: the largest user state and a mebibyte around it. */
export const STREAM_INFLATED_BYTES_MAX = 21 * 1_048_576

/** Keys of a ring; every one of them is tried on every packet that does not open. */
export const KEYS_MAX = 16
/** Values inside the application state of a Serf agent (512 event slots, one status per member). */
export const SERF_STATE_VALUES_MAX = 1_048_576
/** Bad parts of one datagram after which the rest of it is not looked at. */
export const PACKET_FAULTS_MAX = 16
/** Refused rows after which a push/pull is refused as a whole. */
export const REFUSED_ROWS_MAX = 1_024
