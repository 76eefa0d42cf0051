/**
 * What routing reads of a request: its head where it was received, and offsets into it. Nothing is copied; a parser fills
 * one of these over and over.
 */
export interface HttpRequestView {
  readonly bytes: Uint8Array
  /** The request target in origin form, `/path?query`: bytes `[targetFrom, targetTo)`. */
  readonly targetFrom: number
  readonly targetTo: number
  /** The authority of the request (Host, or of an absolute target); equal numbers when there is none. */
  readonly hostFrom: number
  readonly hostTo: number
  readonly headerCount: number
  /** Four offsets per header, in order: name from, name to, value from, value to, without surrounding blanks. */
  readonly headers: { readonly [index: number]: number }
  /** The client's address as text: the peer's, or what a trusted proxy said. */
  readonly clientIp: string
}
