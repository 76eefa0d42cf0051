/** Why a message is refused, with the status that a client gets for it. */
export interface Fault {
  readonly status: 400 | 414 | 417 | 431 | 501 | 505
  readonly text: string
}

/** Every reason for which the codec refuses a head or a body. A response with one of these faults is a 502. */
export const FAULTS = {
  requestLine: { status: 400, text: 'the request line is malformed' },
  target: { status: 400, text: 'the request target is malformed' },
  targetTooLong: { status: 414, text: 'the request target is too long' },
  version: { status: 505, text: 'only HTTP/1.1 and HTTP/1.0 are spoken here' },
  connect: { status: 501, text: 'CONNECT is not supported' },
  statusLine: { status: 400, text: 'the status line is malformed' },
  fieldName: { status: 400, text: 'a field name is malformed' },
  fieldValue: { status: 400, text: 'a field value has a control character or a bare line end' },
  folded: { status: 400, text: 'a field is folded over several lines' },
  tooManyFields: { status: 431, text: 'there are too many fields' },
  headTooLong: { status: 431, text: 'the head is too long' },
  bareLineEnd: { status: 400, text: 'a line ends without CR' },
  noHost: { status: 400, text: 'the Host field is missing' },
  repeatedHost: { status: 400, text: 'the Host field is repeated' },
  host: { status: 400, text: 'the Host field is malformed' },
  otherHost: { status: 400, text: 'the Host field is not the authority of the target' },
  contentLength: { status: 400, text: 'Content-Length is not one plain number' },
  repeatedContentLength: { status: 400, text: 'Content-Length is repeated' },
  twoLengths: { status: 400, text: 'Content-Length and Transfer-Encoding are both present' },
  transferEncoding: { status: 501, text: 'only the transfer coding chunked is supported' },
  oldTransferEncoding: { status: 400, text: 'HTTP/1.0 has no Transfer-Encoding' },
  connection: { status: 400, text: 'the Connection field is malformed' },
  expect: { status: 417, text: 'only Expect: 100-continue can be met' },
  upgradeWithBody: { status: 400, text: 'a request to switch protocols has a body' },
  chunkSize: { status: 400, text: 'a chunk size is malformed' },
  chunkExtension: { status: 400, text: 'a chunk extension is malformed or too long' },
  chunkEnd: { status: 400, text: 'a chunk does not end where its size says' },
  trailer: { status: 400, text: 'a trailer is malformed or not allowed' },
  trailersTooLong: { status: 431, text: 'the trailers are too long' },
} as const satisfies Record<string, Fault>

/** What `parse` returns besides a position. */
export const PARSED = { needMore: -1, fault: -2 } as const
