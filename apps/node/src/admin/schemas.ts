/** Response shapes: Fastify serialises by them, and clients can rely on them. */
const string = { type: 'string' } as const
const number = { type: 'number' } as const
const integer = { type: 'integer' } as const
const boolean = { type: 'boolean' } as const

export const ERROR_SCHEMA = {
  type: 'object',
  required: ['error', 'message'],
  properties: { error: string, message: string },
} as const

export const MEMBERS_SCHEMA = {
  type: 'object',
  required: ['members'],
  properties: {
    members: {
      type: 'array',
      items: {
        type: 'object',
        required: ['name', 'address', 'state', 'incarnation', 'ringway'],
        properties: {
          name: string,
          address: string,
          state: { type: 'string', enum: ['alive', 'suspect', 'dead', 'left'] },
          incarnation: integer,
          ringway: boolean,
          zone: string,
          weight: number,
          instance: string,
          phase: string,
          version: string,
          peer: string,
          linked: boolean,
          linkProblem: string,
          rttMs: number,
          definitionsDiffer: boolean,
        },
      },
    },
  },
} as const

const OVERRIDE_SCHEMA = {
  type: 'object',
  properties: {
    backend: string,
    version: integer,
    by: string,
    added: boolean,
    removed: boolean,
    draining: boolean,
    weight: number,
  },
} as const

export const BACKEND_SCHEMA = {
  type: 'object',
  properties: {
    id: string,
    address: string,
    weight: number,
    zone: string,
    state: string,
    share: number,
    origin: string,
    override: OVERRIDE_SCHEMA,
  },
} as const

const POOL_SCHEMA = {
  type: 'object',
  required: ['name', 'protocol', 'placement', 'replicas', 'digest', 'backends'],
  properties: {
    name: string,
    protocol: string,
    placement: string,
    keyHash: string,
    replicas: integer,
    digest: string,
    backends: {
      type: 'array',
      items: BACKEND_SCHEMA,
    },
    removed: { type: 'array', items: OVERRIDE_SCHEMA },
    store: {
      type: 'object',
      properties: {
        safe: boolean,
        slotsHeld: integer,
        slotsOwned: integer,
        slotsActing: integer,
        slotsUnderReplicated: integer,
        entries: integer,
        bytes: integer,
        maxBytes: integer,
      },
    },
  },
} as const

export const POOLS_SCHEMA = {
  type: 'object',
  required: ['pools'],
  properties: { pools: { type: 'array', items: POOL_SCHEMA } },
} as const

export const LOOKUP_SCHEMA = {
  type: 'object',
  required: ['pool', 'key', 'hash', 'slot', 'owners', 'digest'],
  properties: {
    pool: string,
    key: string,
    hash: integer,
    slot: integer,
    owners: { type: 'array', items: string },
    acting: string,
    digest: string,
  },
} as const

export const RING_SCHEMA = {
  type: 'object',
  required: ['pool', 'protocol', 'placement', 'options', 'digest', 'nodes'],
  properties: {
    pool: string,
    protocol: string,
    placement: string,
    options: { type: 'object', additionalProperties: true },
    digest: string,
    nodes: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'weight', 'share'],
        properties: { id: string, weight: number, zone: string, share: number },
      },
    },
  },
} as const

const PLAN_SIDE = {
  type: 'object',
  required: ['digest', 'nodes'],
  properties: { digest: string, nodes: integer },
} as const

/** Names and zones as the ring takes them; which pool knows which is said by the answer. */
const NODE_NAME = { type: 'string', minLength: 1, maxLength: 512 } as const

export const PLAN_REQUEST_SCHEMA = {
  type: 'object',
  additionalProperties: false,
  properties: {
    pool: NODE_NAME,
    add: {
      type: 'object',
      additionalProperties: false,
      required: ['id'],
      properties: {
        id: NODE_NAME,
        weight: { type: 'number', exclusiveMinimum: 0, maximum: 1000 },
        zone: { type: 'string', maxLength: 255 },
      },
    },
    remove: NODE_NAME,
  },
} as const

export const PLAN_SCHEMA = {
  type: 'object',
  required: ['pool', 'before', 'after', 'nodes', 'moved', 'movedAtLeast', 'transfers', 'arcs'],
  properties: {
    pool: string,
    before: PLAN_SIDE,
    after: PLAN_SIDE,
    nodes: {
      type: 'array',
      items: {
        type: 'object',
        required: ['id', 'change', 'shareBefore', 'shareAfter', 'gains', 'loses'],
        properties: {
          id: string,
          change: { type: 'string', enum: ['joins', 'leaves', 'reweighted', 'stays'] },
          weightBefore: number,
          weightAfter: number,
          shareBefore: number,
          shareAfter: number,
          gains: number,
          loses: number,
        },
      },
    },
    moved: number,
    movedAtLeast: number,
    transfers: {
      type: 'array',
      items: { type: 'object', properties: { before: string, after: string, share: number } },
    },
    arcs: integer,
    sampledKeys: integer,
  },
} as const

export const RELOAD_SCHEMA = {
  type: 'object',
  required: ['changed', 'needsRestart', 'problems'],
  properties: {
    changed: { type: 'array', items: string },
    needsRestart: { type: 'array', items: string },
    problems: { type: 'array', items: string },
  },
} as const

export const READINESS_SCHEMA = {
  type: 'object',
  required: ['ready', 'reason'],
  properties: { name: string, ready: boolean, reason: string },
} as const
