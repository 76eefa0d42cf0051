import type { CheckedNode } from '../node.ts'
import { type EnvoyOptions, locateEnvoy, resolveEnvoy } from './envoy.ts'
import { type HaproxyOptions, locateHaproxy, resolveHaproxy } from './haproxy.ts'
import { type HashringOptions, locateHashring, resolveHashring } from './hashring.ts'
import { type JumpOptions, locateJump, resolveJump } from './jump.ts'
import { type KetamaOptions, locateKetama, resolveKetama } from './ketama.ts'
import {
  type KetamaPlainOptions,
  type KetamaWeightedOptions,
  locateKetamaPlain,
  locateKetamaWeighted,
  resolveKetamaPlain,
  resolveKetamaWeighted,
} from './libmemcached.ts'
import type { Locator } from './locator.ts'
import { locateMaglev, type MaglevOptions, resolveMaglev } from './maglev.ts'
import { locateMcrouter, type McrouterOptions, resolveMcrouter } from './mcrouter.ts'
import { locateModula, type ModulaOptions, resolveModula } from './modula.ts'
import { locateNginx, type NginxOptions, resolveNginx } from './nginx.ts'
import {
  type CaddyOptions,
  locateCaddy,
  locateRendezvous,
  type RendezvousOptions,
  resolveCaddy,
  resolveRendezvous,
} from './rendezvous.ts'

/** The options of every placement but our own. */
export type PlacementOptions =
  | KetamaOptions
  | KetamaWeightedOptions
  | KetamaPlainOptions
  | NginxOptions
  | HaproxyOptions
  | EnvoyOptions
  | MaglevOptions
  | McrouterOptions
  | HashringOptions
  | RendezvousOptions
  | CaddyOptions
  | JumpOptions
  | ModulaOptions

/** The name of a placement. */
export type PlacementName = 'ringway' | PlacementOptions['placement']

/** What pools have to know of a placement before they use it. */
export interface PlacementFacts {
  /**
   * True when a node that comes or goes moves no key between two nodes that stay. Pools of members and of the store
   * refuse the others.
   */
  readonly minimalMovement: boolean
  /** What moves between nodes that stay when that is false. */
  readonly movement: string
  /**
   * `next`: a node that goes gives its keys to their next owners. `nearest`: owners follow each other as they do in the
   * program, but a node that goes gives its keys to the nearer of its two neighbours. `rehash`: the owners after the first
   * are those of further hashes of the key.
   */
  readonly successors: 'next' | 'nearest' | 'rehash'
  /** `ids`: the order of the nodes does not matter. `given`: it does, and new nodes belong at the end. */
  readonly order: 'ids' | 'given'
  /** `whole`: only integers are taken. `share`: up to 1, in one of the functions. `ignored`: any is taken, none counts. */
  readonly weights: 'any' | 'whole' | 'share' | 'ignored'
  /** False when the owner depends on more of a key than its position: `ownerAt` and its kin are then refused. */
  readonly positions: boolean
  /** The program, and the version that it was compared with; absent for our own. */
  readonly program?: string
}

const MINIMAL = { minimalMovement: true, movement: 'none' } as const

/** Every placement that `createRing` knows. */
export const RING_PLACEMENTS = {
  ringway: { ...MINIMAL, successors: 'next', order: 'ids', weights: 'any', positions: true },
  ketama: {
    minimalMovement: false,
    movement: 'points are recounted by share of all weight: a few percent at some numbers of nodes',
    successors: 'next',
    order: 'ids',
    weights: 'whole',
    positions: true,
    program: 'twemproxy 0.5.0',
  },
  'ketama-weighted': {
    minimalMovement: false,
    movement: 'points are recounted by share of all weight: a few percent at some numbers of nodes',
    successors: 'next',
    order: 'given',
    weights: 'whole',
    positions: true,
    program: 'libmemcached 1.1.4',
  },
  'ketama-plain': {
    minimalMovement: false,
    movement: 'none, until a weight above 1 comes or the last one goes: then nearly all',
    successors: 'next',
    order: 'given',
    weights: 'whole',
    positions: true,
    program: 'libmemcached 1.1.4',
  },
  nginx: {
    ...MINIMAL,
    successors: 'next',
    order: 'given',
    weights: 'whole',
    positions: true,
    program: 'nginx 1.22.1',
  },
  haproxy: {
    ...MINIMAL,
    successors: 'nearest',
    order: 'given',
    weights: 'whole',
    positions: true,
    program: 'HAProxy 2.6.12',
  },
  envoy: {
    minimalMovement: false,
    movement: 'points per node change with the number of nodes: up to a tenth of the keys',
    successors: 'next',
    order: 'given',
    weights: 'any',
    positions: true,
    program: 'Envoy, values of its own tests',
  },
  maglev: {
    minimalMovement: false,
    movement: 'below one percent',
    successors: 'rehash',
    order: 'ids',
    weights: 'any',
    positions: true,
    program: 'Envoy, values of its own tests',
  },
  mcrouter: {
    minimalMovement: false,
    movement: 'none when the last server comes or goes; most keys when another one does',
    successors: 'rehash',
    order: 'given',
    weights: 'share',
    positions: false,
    program: 'mcrouter, values of its own tests',
  },
  hashring: {
    minimalMovement: false,
    movement: 'points are recounted by share of all weight: a few percent at some numbers of nodes',
    successors: 'next',
    order: 'given',
    weights: 'any',
    positions: true,
    program: 'npm hashring 3.2.0',
  },
  rendezvous: { ...MINIMAL, successors: 'next', order: 'ids', weights: 'any', positions: true },
  caddy: {
    ...MINIMAL,
    successors: 'next',
    order: 'ids',
    weights: 'ignored',
    positions: false,
    program: 'Caddy, as read in its source',
  },
  jump: {
    minimalMovement: false,
    movement: 'none when the last node comes or goes; most keys when another one does',
    successors: 'rehash',
    order: 'given',
    weights: 'ignored',
    positions: true,
  },
  modula: {
    minimalMovement: false,
    movement: 'nearly all keys, whatever changes',
    successors: 'rehash',
    order: 'given',
    weights: 'whole',
    positions: true,
    program: 'twemproxy 0.5.0, libmemcached 1.1.4, nginx 1.22.1, HAProxy 2.6.12',
  },
} as const satisfies Record<PlacementName, PlacementFacts>

/** Options of one placement with every default written out. */
export type OptionsOf<P extends PlacementOptions['placement']> = Extract<
  PlacementOptions,
  { readonly placement: P }
>

interface Algorithm<P extends PlacementOptions['placement']> {
  /** Checks options and fills in the defaults, for these nodes. */
  readonly resolve: (options: OptionsOf<P>, nodes: readonly CheckedNode[]) => Required<OptionsOf<P>>
  /** Builds the locator of at least one node. */
  readonly locate: (nodes: readonly CheckedNode[], options: Required<OptionsOf<P>>) => Locator
}

const ALGORITHMS: { readonly [P in PlacementOptions['placement']]: Algorithm<P> } = {
  ketama: { resolve: resolveKetama, locate: locateKetama },
  'ketama-weighted': { resolve: resolveKetamaWeighted, locate: locateKetamaWeighted },
  'ketama-plain': { resolve: resolveKetamaPlain, locate: locateKetamaPlain },
  nginx: { resolve: resolveNginx, locate: locateNginx },
  haproxy: { resolve: resolveHaproxy, locate: locateHaproxy },
  envoy: { resolve: resolveEnvoy, locate: locateEnvoy },
  maglev: { resolve: resolveMaglev, locate: locateMaglev },
  mcrouter: { resolve: resolveMcrouter, locate: locateMcrouter },
  hashring: { resolve: resolveHashring, locate: locateHashring },
  rendezvous: { resolve: resolveRendezvous, locate: locateRendezvous },
  caddy: { resolve: resolveCaddy, locate: locateCaddy },
  jump: { resolve: resolveJump, locate: locateJump },
  modula: { resolve: resolveModula, locate: locateModula },
}

/** The options with their defaults; frozen. */
export function resolvePlacement(
  options: PlacementOptions,
  nodes: readonly CheckedNode[],
): Required<PlacementOptions> {
  const { resolve } = ALGORITHMS[options.placement] as Algorithm<PlacementOptions['placement']>
  return Object.freeze(resolve(options, nodes))
}

/** The locator for at least one node. */
export function locate(
  nodes: readonly CheckedNode[],
  options: Required<PlacementOptions>,
): Locator {
  const algorithm = ALGORITHMS[options.placement] as Algorithm<PlacementOptions['placement']>
  return algorithm.locate(nodes, options)
}
