/** What a hub has counted since it was created. */
export interface PeerStats {
  readonly linksUp: number
  readonly pendingConnections: number
  readonly dials: number
  readonly dialFailures: number
  readonly accepted: number
  /** Accepted connections closed at once because too many had not said hello. */
  readonly pendingRefused: number
  /** Hellos that we refused. */
  readonly hellosRefused: number
  /** Accepted connections that sent something else than this protocol, or nothing in time. */
  readonly strangers: number
  readonly linksOpened: number
  readonly linksClosed: number
  /** Links closed because the peer broke the protocol. */
  readonly protocolErrors: number
  readonly silences: number
  /** Times that our own event loop was too late to judge a peer's silence. */
  readonly stalls: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly framesIn: number
  readonly framesOut: number
  /** Socket writes; frames ÷ writes shows the corking. */
  readonly writes: number
  readonly messagesIn: number
  readonly messagesOut: number
  readonly requestsIn: number
  readonly requestsOut: number
  readonly requestTimeouts: number
  /** Requests that we answered with BUSY. */
  readonly requestsBusy: number
  /** Replies that came after their deadline, or a second time. */
  readonly lateReplies: number
  /** Messages and requests not taken because too much waits. */
  readonly queueRefusals: number
  /** Listeners and callbacks of the application that threw. */
  readonly listenerErrors: number
}

/** {@link PeerStats} while counting; the two gauges are read from the hub. */
export type Counters = {
  -readonly [K in Exclude<keyof PeerStats, 'linksUp' | 'pendingConnections'>]: number
}

export const createCounters = (): Counters => ({
  dials: 0,
  dialFailures: 0,
  accepted: 0,
  pendingRefused: 0,
  hellosRefused: 0,
  strangers: 0,
  linksOpened: 0,
  linksClosed: 0,
  protocolErrors: 0,
  silences: 0,
  stalls: 0,
  bytesIn: 0,
  bytesOut: 0,
  framesIn: 0,
  framesOut: 0,
  writes: 0,
  messagesIn: 0,
  messagesOut: 0,
  requestsIn: 0,
  requestsOut: 0,
  requestTimeouts: 0,
  requestsBusy: 0,
  lateReplies: 0,
  queueRefusals: 0,
  listenerErrors: 0,
})
