import { createSocket, type Socket } from 'node:dgram'
import { createServer, type Server } from 'node:net'

/** What a name answers; absent: NXDOMAIN. */
export type DnsAnswer =
  | { readonly type: 'A' | 'AAAA'; readonly addresses: readonly string[] }
  | { readonly type: 'SRV'; readonly records: readonly SrvRecord[] }
  | { readonly type: 'SERVFAIL' }

export interface SrvRecord {
  readonly priority: number
  readonly weight: number
  readonly port: number
  readonly name: string
}

const TYPES: Readonly<Record<number, DnsAnswer['type']>> = { 1: 'A', 28: 'AAAA', 33: 'SRV' }
const HEADER_BYTES = 12
/** Above it an answer is cut off in UDP, and asked for again in TCP. */
const UDP_BYTES_MAX = 512
const RCODE = { ok: 0, servfail: 2, nxdomain: 3 } as const

/** A DNS server of a test: UDP and TCP on one loopback port, and answers that the test changes. */
export class DnsServer {
  /** By name in lower case. */
  readonly names = new Map<string, readonly DnsAnswer[]>()
  /** Questions so far. */
  asked = 0
  port = 0
  readonly #udp: Socket = createSocket('udp4')
  readonly #tcp: Server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      const answer = this.#answer(bytes.subarray(2))
      const length = Buffer.alloc(2)
      length.writeUInt16BE(answer.length)
      socket.end(Buffer.concat([length, answer]))
    })
  })

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#udp.bind(0, '127.0.0.1', resolve))
    this.port = this.#udp.address().port
    await new Promise<void>((resolve) => this.#tcp.listen(this.port, '127.0.0.1', resolve))
    this.#udp.on('message', (question, { port, address }) => {
      this.asked++
      const answer = this.#answer(question)
      if (answer.length <= UDP_BYTES_MAX) this.#udp.send(answer, port, address)
      else this.#udp.send(truncated(answer, question), port, address)
    })
    return this
  }

  close(): void {
    this.#udp.close()
    this.#tcp.close()
  }

  #answer(question: Buffer): Buffer {
    const { name, type, end } = readQuestion(question)
    const answers = this.names.get(name)
    if (answers?.some((answer) => answer.type === 'SERVFAIL'))
      return reply(question, end, RCODE.servfail, [])
    if (answers === undefined) return reply(question, end, RCODE.nxdomain, [])
    const records = answers
      .filter((answer) => answer.type === TYPES[type])
      .flatMap(recordsOf)
      .map((data) => record(type, data))
    return reply(question, end, RCODE.ok, records)
  }
}

function readQuestion(question: Buffer) {
  const labels: string[] = []
  let at = HEADER_BYTES
  for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
    labels.push(question.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  const name = labels.join('.').toLowerCase()
  return { name, type: question.readUInt16BE(at + 1), end: at + 5 }
}

function recordsOf(answer: DnsAnswer): readonly Buffer[] {
  switch (answer.type) {
    case 'A':
      return answer.addresses.map((address) => Buffer.from(address.split('.').map(Number)))
    case 'AAAA':
      return answer.addresses.map((address) => {
        const [head = '', tail = ''] = address.split('::')
        const parts = [head, tail].map((side) => side.split(':').filter((part) => part !== ''))
        const [before = [], after = []] = parts
        const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
        const bytes = Buffer.alloc(16)
        for (const [i, part] of [...before, ...zeros, ...after].entries())
          bytes.writeUInt16BE(Number.parseInt(part, 16), i * 2)
        return bytes
      })
    case 'SRV':
      return answer.records.map(({ priority, weight, port, name }) => {
        const head = Buffer.alloc(6)
        head.writeUInt16BE(priority, 0)
        head.writeUInt16BE(weight, 2)
        head.writeUInt16BE(port, 4)
        return Buffer.concat([head, ...name.split('.').map(label), Buffer.of(0)])
      })
    case 'SERVFAIL':
      return []
    default:
      return answer satisfies never
  }
}

function label(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text, 'latin1')])
}

/** A record for the name of the question, which a pointer repeats. */
function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc000 | HEADER_BYTES, 0)
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

function reply(question: Buffer, end: number, rcode: number, records: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(HEADER_BYTES)
  head.writeUInt16BE(question.readUInt16BE(0), 0)
  head.writeUInt16BE(0x8180 | rcode, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(records.length, 6)
  return Buffer.concat([head, question.subarray(HEADER_BYTES, end), ...records])
}

function truncated(answer: Buffer, question: Buffer): Buffer {
  const short = Buffer.from(answer.subarray(0, readQuestion(question).end))
  short.writeUInt16BE(short.readUInt16BE(2) | 0x0200, 2)
  short.writeUInt16BE(0, 6)
  return short
}
