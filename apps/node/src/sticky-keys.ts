import { hkdfSync } from 'node:crypto'

const STICKY_INFO = 'ringway/sticky/v1'
const KEY_BYTES = 32

/** Keys of sticky cookies: from their own secrets, else from those of the cluster. */
export function stickyKeys(
  secrets: readonly string[],
  clusterKeys: readonly Uint8Array[],
): readonly Uint8Array[] {
  const sources: readonly (string | Uint8Array)[] = secrets.length > 0 ? secrets : clusterKeys
  return sources.map(
    (secret) => new Uint8Array(hkdfSync('sha256', secret, '', STICKY_INFO, KEY_BYTES)),
  )
}
