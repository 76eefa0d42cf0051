import { readFileSync } from 'node:fs'
import type { BackendTls } from '@ringway/router'
import { NodeError } from '../errors.ts'
import type { UpstreamTlsOptions } from './options.ts'

/**
 * TLS towards the servers of a pool: the files named in the configuration, read now.
 *
 * @throws NodeError CONFIG_INVALID, naming the key and the file.
 */
export function readUpstreamTls(
  options: UpstreamTlsOptions,
  key: string,
  source: string,
): BackendTls {
  const { ca, cert, key: ownKey, servername, verify = true } = options
  if ((cert === undefined) !== (ownKey === undefined))
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: ${key}: found ${cert === undefined ? 'key without cert' : 'cert without key'}; allowed: both or none`,
    )
  const read = (name: string, file: string) => readPem(file, `${key}.${name}`, source)
  return {
    ...(ca === undefined ? {} : { ca: read('ca', ca) }),
    ...(cert === undefined ? {} : { cert: read('cert', cert) }),
    ...(ownKey === undefined ? {} : { key: read('key', ownKey) }),
    ...(servername === undefined ? {} : { servername }),
    verify,
  }
}

function readPem(file: string, key: string, source: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error)
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: ${key}: cannot read ${file} (${reason}); allowed: a PEM file`,
    )
  }
}
