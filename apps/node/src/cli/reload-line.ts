import type { ReloadReport } from '../reload/reloader.ts'

/** What came of a reload, in one line. */
export function reloadLine({ changed, needsRestart, problems }: ReloadReport): string {
  const parts = [
    changed.length === 0 ? 'nothing changed' : changed.join('; '),
    ...(needsRestart.length === 0 ? [] : [`needs a restart: ${needsRestart.join(', ')}`]),
    ...problems.map((problem) => `problem: ${problem}`),
  ]
  return parts.join('; ')
}
