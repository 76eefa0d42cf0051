import type { Router } from '@ringway/router'
import type { PoolVerdicts } from './fleet-message.ts'

/** What this member says of the backends of its static pools: down while its router avoids them. */
export function routerVerdicts(router: Router): readonly PoolVerdicts[] {
  const verdicts: PoolVerdicts[] = []
  for (const [pool, { backends }] of Object.entries(router.counters().pools)) {
    const ids = Object.entries(backends)
    if (ids.length === 0) continue
    const idsWhere = (avoided: boolean) =>
      ids.filter(([, counters]) => (counters.avoided === 1) === avoided).map(([id]) => id)
    verdicts.push({ pool, up: idsWhere(false), down: idsWhere(true) })
  }
  return verdicts
}
