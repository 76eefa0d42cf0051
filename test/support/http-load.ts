import { Agent, request } from 'node:http'

export interface LoadResult {
  answered: number
  /** Statuses other than 2xx, and errors of connections, with how often they came. */
  readonly failures: Map<string, number>
  /** Responses that began and did not end. */
  cut: number
  readonly servedBy: Map<string, number>
}

/** Clients with keep-alive connections that ask one request after the other until they are stopped. */
export class HttpLoad {
  readonly result: LoadResult = { answered: 0, failures: new Map(), cut: 0, servedBy: new Map() }
  readonly #agent: Agent
  readonly #port: number
  readonly #body: Buffer | undefined
  readonly #workers: Promise<void>[]
  #stopping = false
  #waiters: { readonly answered: number; readonly resolve: () => void }[] = []

  /** @param body what each request posts; without one they are GETs */
  constructor(port: number, clients: number, body?: Buffer) {
    this.#port = port
    this.#body = body
    this.#agent = new Agent({ keepAlive: true, maxSockets: clients })
    this.#workers = Array.from({ length: clients }, () => this.#work())
  }

  /** Resolves when so many more requests were answered, or the load has ended. */
  async more(count: number): Promise<void> {
    const answered = this.result.answered + count
    await Promise.race([
      new Promise<void>((resolve) => {
        this.#waiters.push({ answered, resolve })
      }),
      Promise.all(this.#workers),
    ])
  }

  async stop(): Promise<LoadResult> {
    this.#stopping = true
    await Promise.all(this.#workers)
    this.#agent.destroy()
    return this.result
  }

  /** Ends by itself when nobody listens any more. */
  async #work(): Promise<void> {
    while (!this.#stopping) {
      const failure = await this.#ask()
      if (failure === 'ECONNREFUSED') return
      if (failure !== undefined) count(this.result.failures, failure)
    }
  }

  #ask(): Promise<string | undefined> {
    const { result } = this
    return new Promise((resolve) => {
      const body = this.#body
      const options = {
        host: '127.0.0.1',
        port: this.#port,
        method: body === undefined ? 'GET' : 'POST',
        headers: body === undefined ? {} : { 'content-length': body.length },
        agent: this.#agent,
        timeout: 20_000,
      }
      const asked = request(options, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (piece: string) => {
          text += piece
        })
        response.on('end', () => {
          result.answered++
          count(result.servedBy, text)
          for (const waiter of this.#waiters)
            if (result.answered >= waiter.answered) waiter.resolve()
          const { statusCode = 0 } = response
          resolve(statusCode === 200 ? undefined : `${statusCode} ${text}`)
        })
        response.on('error', () => {
          result.cut++
          resolve('cut')
        })
      })
      asked.on('timeout', () => asked.destroy(new Error('timeout')))
      asked.on('error', (error: Error & { code?: string }) => resolve(error.code ?? error.message))
      asked.end(body)
    })
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}
