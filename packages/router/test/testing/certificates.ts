import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onCleanup } from './fixture.ts'

export interface Certificates {
  readonly folder: string
  readonly caFile: string
  readonly ca: string
  readonly certFile: string
  readonly cert: string
  readonly keyFile: string
  readonly key: string
}

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringway-test-'))
  onCleanup(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** An authority and a certificate of it for `localhost` and 127.0.0.1, made by openssl for this test. */
export function makeCertificates(): Certificates {
  const folder = temporaryFolder()
  const at = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' })
  const keyType = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl(
    ...['req', '-x509', ...keyType, '-subj', '/CN=test authority', '-days', '2'],
    ...['-keyout', at('ca.key'), '-out', at('ca.crt')],
  )
  openssl(
    ...['req', ...keyType, '-subj', '/CN=localhost', '-keyout', at('own.key')],
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-out', at('own.csr')],
  )
  openssl(
    ...['x509', '-req', '-in', at('own.csr'), '-CA', at('ca.crt'), '-CAkey', at('ca.key')],
    ...['-CAcreateserial', '-copy_extensions', 'copy', '-days', '2', '-out', at('own.crt')],
  )
  const text = (name: string) => readFileSync(at(name), 'utf8')
  return {
    folder,
    caFile: at('ca.crt'),
    ca: text('ca.crt'),
    certFile: at('own.crt'),
    cert: text('own.crt'),
    keyFile: at('own.key'),
    key: text('own.key'),
  }
}
