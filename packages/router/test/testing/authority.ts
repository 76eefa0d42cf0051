import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onCleanup } from './fixture.ts'

export interface TestCertificate {
  readonly cert: string
  readonly key: string
}

/** An authority of its own that signs for these names; made by openssl for this test. */
export function makeAuthority(): {
  readonly ca: string
  sign(...names: readonly string[]): TestCertificate
} {
  const folder = mkdtempSync(join(tmpdir(), 'ringway-certificates-'))
  onCleanup(() => rmSync(folder, { recursive: true }))
  const run = (...args: readonly string[]) =>
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  run('req', '-x509', ...ec, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=ca')
  let serial = 0
  return {
    ca: readFileSync(join(folder, 'ca.pem'), 'utf8'),
    sign: (...names) => {
      serial++
      const [name = 'x'] = names
      writeFileSync(
        join(folder, 'ext'),
        `subjectAltName=${names.map((each) => `DNS:${each}`).join(',')}`,
      )
      run('req', '-new', ...ec, '-keyout', 'leaf.key', '-out', 'leaf.csr', '-subj', `/CN=${name}`)
      run(
        ...['x509', '-req', '-in', 'leaf.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key'],
        ...['-set_serial', String(serial), '-days', '2', '-extfile', 'ext', '-out', 'leaf.pem'],
      )
      return {
        cert: readFileSync(join(folder, 'leaf.pem'), 'utf8'),
        key: readFileSync(join(folder, 'leaf.key'), 'utf8'),
      }
    },
  }
}
