import type { HostPort } from '../../config/address.ts'

/** A server that a source names; what it does not say comes from the configuration of the source. */
export interface FoundServer {
  /** Present in files, where a whole URL may be written. */
  readonly url?: string
  /** Present in DNS. */
  readonly address?: HostPort
  readonly id?: string
  readonly weight?: number
  readonly zone?: string
}

/** Asks a source once. @throws Error when it does not answer, or with nothing that can be used. */
export type AskSource = (signal: AbortSignal) => Promise<readonly FoundServer[]>
