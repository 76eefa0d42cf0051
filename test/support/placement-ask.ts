import { connect } from 'node:net'

/** Requests on the way at once: enough to keep both sides busy, few enough for every program's buffers. */
const WINDOW = 256
const ASK_TIMEOUT_MS = 150_000
/** For tests that ask for many keys: on busy cores they take long, and are right all the same. */
export const LIVE_TIMEOUT_MS = 180_000

/** How keys become requests and replies become answers. */
export interface AskProtocol {
  readonly request: (key: Uint8Array) => Uint8Array
  /** Matches one answer; its first group is the answer. Sticky or global. */
  readonly reply: RegExp
  /** No answer is longer; what is left of a chunk is kept so far back. */
  readonly replyBytesMax: number
}

/** Redis `GET`; errors are answers that begin with `-`. */
export const REDIS: AskProtocol = {
  request: (key) =>
    Buffer.concat([Buffer.from(`*2\r\n$3\r\nGET\r\n$${key.length}\r\n`), key, Buffer.from('\r\n')]),
  reply: /\$\d+\r\n(\d+)\r\n|(-[^\r]*)\r\n/g,
  replyBytesMax: 512,
}

/** HTTP `GET` with the key in a header; the answer follows `server=`. */
export const HTTP: AskProtocol = {
  request: (key) =>
    Buffer.concat([
      Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nx-key: '),
      key,
      Buffer.from('\r\n\r\n'),
    ]),
  reply: /server=([^;\r\n]*);/g,
  replyBytesMax: 4096,
}

/** Asks for all keys over one pipelined connection; the answers are in the order of the keys. */
export function ask(
  port: number,
  keys: readonly Uint8Array[],
  protocol: AskProtocol,
): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const answers: string[] = []
    const socket = connect(port, '127.0.0.1')
    socket.setNoDelay(true)
    let sent = 0
    let text = ''
    const fail = (why: string) => {
      socket.destroy()
      reject(
        new Error(
          `${why} after ${answers.length} of ${keys.length} answers; left: ${text.slice(0, 200)}`,
        ),
      )
    }
    const timer = setTimeout(() => fail('no end in time'), ASK_TIMEOUT_MS)
    const send = () => {
      const until = Math.min(keys.length, answers.length + WINDOW)
      if (sent >= until) return
      socket.write(Buffer.concat(keys.slice(sent, until).map((key) => protocol.request(key))))
      sent = until
    }
    socket.on('error', (error) => fail(String(error)))
    socket.on('close', () => fail('closed'))
    socket.on('connect', send)
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      let end = 0
      for (const match of text.matchAll(protocol.reply)) {
        answers.push(match[1] ?? match[2] ?? '')
        end = match.index + match[0].length
      }
      text = text.slice(Math.max(end, text.length - protocol.replyBytesMax))
      if (answers.length < keys.length) {
        // Half a window is refilled at once, not one by one.
        if (sent - answers.length <= WINDOW / 2) send()
        return
      }
      clearTimeout(timer)
      socket.removeAllListeners('close')
      socket.destroy()
      resolve(answers)
    })
  })
}

/** As `ask`, over several connections at once. */
export async function askOver(
  connections: number,
  port: number,
  keys: readonly Uint8Array[],
  protocol: AskProtocol,
): Promise<string[]> {
  const size = Math.ceil(keys.length / connections)
  const parts = Array.from({ length: connections }, (_, i) => keys.slice(i * size, (i + 1) * size))
  const answers = await Promise.all(
    parts.filter((part) => part.length > 0).map((part) => ask(port, part, protocol)),
  )
  return answers.flat()
}
