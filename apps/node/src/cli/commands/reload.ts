import type { ReloadReport } from '../../reload/reloader.ts'
import { type AdminClientOptions, openAdmin } from '../admin-client.ts'
import { reloadLine } from '../reload-line.ts'

/** A reload may wait for the first answer of a new source. */
const RELOAD_TIMEOUT_MS = 10_000

/** `ringway reload`: has a node read its configuration again, as SIGHUP does. */
export async function reloadNode(
  flags: AdminClientOptions & { readonly json?: boolean },
): Promise<void> {
  const signal = AbortSignal.timeout(RELOAD_TIMEOUT_MS)
  const response = await openAdmin('/v1/reload', flags, { method: 'POST' }, signal)
  const report = (await response.json()) as ReloadReport
  console.log(flags.json ? JSON.stringify(report, null, 2) : reloadLine(report))
}
