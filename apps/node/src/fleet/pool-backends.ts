import type { BackendConfig } from '../config/config.ts'
import type { Override } from './override.ts'

/** Where a backend comes from. */
export type BackendOrigin = 'config' | 'dns' | 'srv' | 'file' | 'added'

/** A backend of a pool as this member knows it now. */
export interface FleetBackend extends BackendConfig {
  readonly state: 'up' | 'out' | 'draining'
  readonly origin: BackendOrigin
  /** What an operator changed about it at run time. */
  readonly override?: Override
}

/** Backends that the file or a source names. */
export interface NamedBackends {
  readonly origin: Exclude<BackendOrigin, 'added'>
  readonly backends: readonly BackendConfig[]
}

/**
 * The backends of a pool: what the file names, then its sources, then what operators added; less what they removed; with
 * their weights and drains. Of two with one id the first counts. In the order of their ids where the order of the file does not
 * count, so that members agree.
 *
 * @param resolve - How an added backend is reached; undefined for one that this member cannot read.
 */
export function combineBackends(
  named: readonly NamedBackends[],
  overrides: readonly Override[],
  out: ReadonlySet<string>,
  resolve: (override: Override) => BackendConfig | undefined,
): readonly FleetBackend[] {
  const changes = new Map(overrides.map((override) => [override.backend, override]))
  const backends = new Map<string, FleetBackend>()
  const add = (backend: BackendConfig, origin: BackendOrigin) => {
    const override = changes.get(backend.id)
    if (override?.removed || backends.has(backend.id)) return
    backends.set(backend.id, overridden(backend, origin, override, out))
  }
  for (const { origin, backends: found } of named) for (const backend of found) add(backend, origin)
  for (const override of overrides) {
    if (override.added === undefined) continue
    const backend = resolve(override)
    if (backend) add(backend, 'added')
  }
  return [...backends.values()]
}

function overridden(
  backend: BackendConfig,
  origin: BackendOrigin,
  override: Override | undefined,
  out: ReadonlySet<string>,
): FleetBackend {
  const state = override?.draining ? 'draining' : out.has(backend.id) ? 'out' : 'up'
  const weight = override?.weight ?? backend.weight
  return { ...backend, weight, state, origin, ...(override ? { override } : {}) }
}
