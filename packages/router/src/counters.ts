/** What the data plane has done: plain nested numbers, structured-cloneable. Counts only grow, gauges are as of now. */
export interface RouterCounters {
  readonly clients: {
    /** Gauge. */
    readonly open: number
    readonly accepted: number
    /** Turned away at `clientsMax`. */
    readonly refused: number
    /** Closed because they did not read their replies. */
    readonly slow: number
    readonly bytesIn: number
    readonly bytesOut: number
  }
  readonly commands: number
  /** Errors made by the router, by code. */
  readonly errors: Readonly<Record<string, number>>
  readonly pools: Readonly<Record<string, PoolCounters>>
}

/** Counts of one pool. A pool of protocol `store` has no backends here: the store counts for itself. */
export interface PoolCounters {
  readonly requests: number
  readonly errors: number
  /** Commands given to another backend after theirs was lost. */
  readonly failovers: number
  readonly backends: Readonly<Record<string, BackendCounters>>
  /** Only with `orderWrites`. */
  readonly ordered?: OrderedCounters
  /** Only while it migrates. */
  readonly migration?: MigrationCounters
  /** Gauge of `http` pools: 1 while so few backends are usable that all that are up are used. */
  readonly panic?: number
  /** Only where it has a failover or a shadow pool, or coalesces. */
  readonly caching?: CachingCounters
}

/** Counts of one pool that leads commands elsewhere than to their owners. */
export interface CachingCounters {
  /** Commands that went to the failover pool. */
  readonly failedOver: number
  /** Commands that were copied to the shadow pool. */
  readonly shadowed: number
  /** Commands that were not copied, because too many copies waited or the shadow pool is gone. */
  readonly shadowDropped: number
  /** Gauge: copies that the shadow pool has not answered. */
  readonly shadowWaiting: number
  /** Reads that were answered with the reply to another one. */
  readonly coalesced: number
}

/** Counts of one pool whose writes have one order among all routers. */
export interface OrderedCounters {
  /** Commands that were given to another router: writes of its keys, and reads that must not overtake them. */
  readonly forwarded: number
  /** Commands of other routers' clients that were taken here. */
  readonly served: number
  /** Forwards that came back unrun, because the keys' home had changed, and went elsewhere. */
  readonly returned: number
  /** Forwards that ended without an answer. */
  readonly unknown: number
  /** Gauge: commands that another router has. */
  readonly open: number
  /** Gauge: commands that wait for their keys' home. */
  readonly waiting: number
}

/** Counts of one pool while it moves to another ring. */
export interface MigrationCounters {
  /** Keys that were copied from their old owner. */
  readonly copied: number
  /** Misses whose old owner had nothing, or could not be asked. */
  readonly absent: number
  /** Keys that the new owner did not take. */
  readonly failed: number
  /** Copies that were taken back, because the key was written or deleted meanwhile. */
  readonly undone: number
  /** Keys that were deleted at their old owner because they were written. */
  readonly invalidated: number
  /** Gauge: deletes that wait for an old owner to return. */
  readonly pending: number
  /** Gauge: commands that wait for old owners. */
  readonly waiting: number
}

/** Counts of one backend. */
export interface BackendCounters {
  readonly requests: number
  /** Commands that it did not answer. */
  readonly errors: number
  readonly failovers: number
  /** Connections opened since the start. */
  readonly connects: number
  /** Gauge: connections that are open. */
  readonly connections: number
  /** Gauge: commands given to it and not answered. */
  readonly inFlight: number
  /** Gauge: 1 while this router steers around it. */
  readonly avoided: number
  /** How often that began. */
  readonly avoidances: number
  /** Gauge: keys that have a newer value elsewhere, and are not read here before they are copied. */
  readonly stale: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Of pools of protocol `http`. */
  readonly http?: HttpBackendCounters
}

/** What is counted of an HTTP backend alone. */
export interface HttpBackendCounters extends HttpResponseCounters {
  /** Requests that were sent to it once more, after a connection to it was lost. */
  readonly retries: number
  /** Responses that it broke off after they had begun. */
  readonly broken: number
  /** How often its bad answers ejected it. */
  readonly ejections: number
  /** Gauge: 1 while it is ejected. */
  readonly ejected: number
  /** Gauge: share of its weight while it starts slowly, else 1. */
  readonly share: number
}

/** The responses of one HTTP backend. */
export interface HttpResponseCounters {
  /** By class of their status, `1xx` to `5xx`; switched protocols are `1xx`, interim responses are not counted. */
  readonly responses: Readonly<Record<string, number>>
  /** From the beginning of a request to the head of its response. */
  readonly firstByte: {
    readonly boundsMs: readonly number[]
    /** Up to each bound and above the one before; the last number counts those above all bounds. */
    readonly counts: readonly number[]
    readonly sumMs: number
  }
}
