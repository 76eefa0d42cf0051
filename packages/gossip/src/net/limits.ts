/** What memberlist puts into a datagram by default. */
export const UDP_PAYLOAD_BYTES = 1_400
/** Datagrams that wait in the socket; more are dropped, as the network would. */
export const UDP_SEND_QUEUE_MAX = 1_024
/** Receive buffer that is asked for; the system may give less. */
export const UDP_RECEIVE_BUFFER_BYTES = 2 * 1_048_576
export const UDP_RECEIVE_BUFFER_BYTES_MIN = 65_536
/** Ports tried when any port will do and UDP is taken where TCP was free. */
export const BIND_ATTEMPTS_MAX = 10

/** Streams that others may have open to us; one more is closed at once (memberlist's number). */
export const STREAMS_INBOUND_MAX = 128
/** Streams that we may have open; one more fails at once. */
export const STREAMS_OUTBOUND_MAX = 64
/** Bytes that all unfinished streams together may have received. */
export const STREAMS_RECEIVED_BYTES_MAX = 64 * 1_048_576

/** Timers fired before the sockets get their turn again. */
export const TIMERS_PER_TURN_MAX = 512
/** A timer later than this says that the process was not running. */
export const LAG_NOTICED_MS = 50

/** Seeds of one join, and addresses that they may resolve to. */
export const SEEDS_MAX = 256
export const SEED_ADDRESSES_MAX = 256
/** Seeds that are asked at the same time. */
export const JOINS_CONCURRENT_MAX = 8
/** How long a name may take to resolve. */
export const RESOLVE_TIMEOUT_MS = 5_000

/** Events that wait for one slow reader of `events()`; the oldest are dropped and counted. */
export const EVENTS_QUEUED_MAX = 1_024
/** Lines of one kind per interval that reach the log. */
export const LOG_LINES_MAX = 5
export const LOG_INTERVAL_MS = 10_000

/** Old holders of a name that are asked at one time whether they still listen. */
export const ADDRESS_CHECKS_MAX = 16
export const ADDRESS_CHECK_TIMEOUT_MS = 1_000

/** Serf agents that are told directly that we leave. */
export const LEAVE_INTENT_PEERS_MAX = 32
/** How long a leave intent may travel before the goodbye follows it (reference §6.7). */
export const LEAVE_INTENT_MS = 1_000
/** The longest single `setTimeout`; a later deadline is waited for in several steps. */
export const ALARM_MS_MAX = 3_600_000

/** So many probes that only a stream answered, within this time, look like blocked datagrams and not like one slow moment. */
export const STREAM_ONLY_ANSWERS = 3
export const STREAM_ONLY_WINDOW_MS = 30_000

/** Peers that are remembered; one more pushes out the one that was not seen for the longest. */
export const PEERS_REMEMBERED_MAX = 1_024
/** A peer that was not seen for this long is forgotten. */
export const PEER_MEMORY_MS = 72 * 3_600_000
/** Remembered peers that one `rejoin` asks, the latest seen first. */
export const PEERS_ASKED_MAX = 64
/** The file of remembered peers: 1,024 of the longest names fit. Longer ones are not read. */
export const SNAPSHOT_BYTES_MAX = 1_048_576
/** Changes within this time are written together. */
export const SNAPSHOT_DELAY_MS = 500
/** How often the living are seen again, so that a process that was killed remembers whom it saw last. */
export const SNAPSHOT_REFRESH_MS = 300_000

/** So many failures of one member within the window are a flap. */
export const FLAP_FAILURES = 3
export const FLAP_WINDOW_MS = 600_000
/** Members whose failures are counted at one time; the one that failed longest ago is forgotten. */
export const FLAPS_TRACKED_MAX = 1_024

/** A file of seeds. */
export const SEED_FILE_BYTES_MAX = 65_536
/** How often seeds are looked up again while a member runs. */
export const SEED_REFRESH_MS = 30_000
export const SEED_REFRESH_MS_MIN = 100
/** Changes of a watched file within this time are one. */
export const SEED_CHANGE_DELAY_MS = 200
