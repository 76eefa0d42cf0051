import { createRequire } from 'node:module'

/** What Node's own HTTP parser (llhttp) reads from some bytes. */
export interface NodeReading {
  /** E.g. `HPE_INVALID_METHOD`. */
  readonly error: string | undefined
  readonly messages: readonly NodeMessage[]
}

export interface NodeMessage {
  readonly method: string
  readonly target: string
  readonly minor: number
  readonly fields: readonly string[]
  readonly body: string
  readonly keepAlive: boolean
}

interface Parser {
  initialize(type: number, resource: object): void
  execute(bytes: Buffer): number | Error
  [hook: number]: unknown
}

interface ParserClass {
  new (): Parser
  readonly REQUEST: number
  readonly kOnHeaders: number
  readonly kOnHeadersComplete: number
  readonly kOnBody: number
  readonly kOnMessageComplete: number
}

const { HTTPParser, methods } = createRequire(import.meta.url)('_http_common') as {
  readonly HTTPParser: ParserClass
  readonly methods: readonly string[]
}

/** Reads requests as `node:http` does. */
export function readWithNode(bytes: Buffer): NodeReading {
  const parser = new HTTPParser()
  parser.initialize(HTTPParser.REQUEST, {})
  const messages: NodeMessage[] = []
  let current: { -readonly [K in keyof NodeMessage]: NodeMessage[K] } | undefined
  let early: string[] = []
  parser[HTTPParser.kOnHeaders] = (fields: string[]) => {
    early = [...early, ...fields]
  }
  parser[HTTPParser.kOnHeadersComplete] = (
    _major: number,
    minor: number,
    fields: string[] | undefined,
    method: number,
    target: string,
    _status: number,
    _reason: string,
    _upgrade: boolean,
    keepAlive: boolean,
  ) => {
    current = {
      method: methods[method] ?? '',
      target,
      minor,
      fields: fields ?? early,
      body: '',
      keepAlive,
    }
    early = []
    return 0
  }
  parser[HTTPParser.kOnBody] = (piece: Buffer) => {
    if (current) current.body += piece.toString('latin1')
  }
  parser[HTTPParser.kOnMessageComplete] = () => {
    if (current) messages.push(current)
    current = undefined
    early = []
  }
  const result = parser.execute(bytes)
  return { error: codeOf(result), messages }
}

function codeOf(result: number | Error): string | undefined {
  if (!(result instanceof Error)) return undefined
  return 'code' in result ? String(result.code) : result.message
}
