import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

/** Paths of a certificate and its key. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** A certificate that signs itself, made by openssl for this run. */
export function makeCertificate(folder: string): Certificate {
  const [cert, key] = [join(folder, 'own.crt'), join(folder, 'own.key')]
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
      ...['-subj', '/CN=localhost', '-days', '2', '-keyout', key, '-out', cert],
    ],
    { stdio: 'ignore' },
  )
  return { cert, key }
}
