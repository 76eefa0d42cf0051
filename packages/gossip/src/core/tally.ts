/** How often a machine met each case. Counts only rise; a test that never met a case proves nothing about it. */
export interface SwimTally {
  /** Probes begun, and those without an ack by any way. */
  probes: number
  probesFailed: number
  /** Pings that others were asked to send for us, and that we sent for others. */
  indirectAsked: number
  indirectServed: number
  nacksSent: number
  nacksHeard: number
  /** Suspicions told to a suspect together with its ping. */
  suspectsTold: number
  /** Suspicions that another accuser made shorter. */
  confirmations: number
  /** Suspicions that wait longer because we were not running. */
  deferrals: number
  /** Claims about ourselves that we answered. */
  refutations: number
  /** Answers to an accuser who missed our refutation. */
  accusersTold: number
  /** Accusations told to a member that speaks with an incarnation from before its death. */
  staleTold: number
  /** Lost members that were called, and those that were told of their death when they came back. */
  healsTried: number
  reminders: number
}

export const emptyTally = (): SwimTally => ({
  probes: 0,
  probesFailed: 0,
  indirectAsked: 0,
  indirectServed: 0,
  nacksSent: 0,
  nacksHeard: 0,
  suspectsTold: 0,
  confirmations: 0,
  deferrals: 0,
  refutations: 0,
  accusersTold: 0,
  staleTold: 0,
  healsTried: 0,
  reminders: 0,
})
