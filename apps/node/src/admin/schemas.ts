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
      items: {
        type: 'object',
        properties: {
          id: string,
          address: string,
          weight: number,
          zone: string,
          state: string,
          share: number,
        },
      },
    },
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

export const READINESS_SCHEMA = {
  type: 'object',
  required: ['ready', 'reason'],
  properties: { name: string, ready: boolean, reason: string },
} as const
