import { homedir, hostname } from 'node:os'
import { join } from 'node:path'
import { parseHostPort } from '../config/address.ts'
import type { NodeOptions } from '../config/options.ts'
import { SNAPSHOT_OFF } from '../config/resolve-gossip.ts'
import { GOSSIP_SCHEMA } from '../config/schema/gossip.ts'

/**
 * Where `ringway start` keeps the known peers: in the state folder of the user, under a name that two nodes of one machine
 * do not share. Without a home there is no such folder, and nothing is kept.
 */
export function defaultSnapshot(
  { name, gossip }: NodeOptions,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  const folder = stateFolder(environment)
  // The options are not checked yet; what is wrong with an address is said by the check.
  const address = parseHostPort(String(gossip?.bind ?? GOSSIP_SCHEMA.properties?.['bind']?.default))
  if (folder === undefined || address === undefined) return SNAPSHOT_OFF
  const file = `${name ?? hostname()}-${address.host}-${address.port}.peers`
  return join(folder, 'ringway', file.replaceAll(/[^A-Za-z0-9._-]/g, '_'))
}

/** The XDG base directory specification wants an absolute path, and a relative one ignored. */
function stateFolder(environment: Readonly<Record<string, string | undefined>>) {
  const own = environment['XDG_STATE_HOME']
  if (own?.startsWith('/')) return own
  try {
    return join(environment['HOME'] || homedir(), '.local', 'state')
  } catch {
    return undefined
  }
}
