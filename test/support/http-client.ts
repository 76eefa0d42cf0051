import { Agent, request } from 'node:http'

export interface HttpAnswer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly body: string
}

const TIMEOUT_MS = 20_000

/** A client with kept connections, many times cheaper than `fetch`. */
export class HttpClient {
  readonly #agent: Agent

  constructor(connectionsMax = 64) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connectionsMax })
  }

  get(
    port: number,
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, path, headers, agent: this.#agent }
      const sent = request({ ...options, timeout: TIMEOUT_MS }, (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (piece: string) => {
          body += piece
        })
        response.on('error', reject)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        )
      })
      sent.on('timeout', () => sent.destroy(new Error(`${path}: no answer`)))
      sent.on('error', reject)
      sent.end()
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** A browser: keeps cookies. */
export class Browser {
  readonly #client: HttpClient
  readonly #cookies = new Map<string, string>()

  constructor(client: HttpClient) {
    this.#client = client
  }

  async get(port: number, path: string): Promise<HttpAnswer> {
    const cookie = Array.from(this.#cookies, ([name, value]) => `${name}=${value}`).join('; ')
    const answer = await this.#client.get(port, path, cookie === '' ? {} : { cookie })
    for (const line of [answer.headers['set-cookie'] ?? []].flat()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      this.#cookies.set(name, value)
    }
    return answer
  }
}

/** Runs `work` for every item, at most `width` at a time. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T, at: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < items.length) {
      const at = next++
      await work(items[at] as T, at)
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
}
