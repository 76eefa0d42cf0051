import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { promisify } from 'node:util'

/** What one run of wrk saw. */
export interface WrkFigures {
  readonly requests: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** Answers that were not 2xx, and connections that failed. */
  readonly errors: number
}

export interface WrkLoad {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  /** A file of {@link writeWrkScript}. */
  readonly script: string
}

export interface WrkRequest {
  readonly path: string
  /** 0: a GET; else a POST with so many bytes. */
  readonly bodyBytes: number
  /** Sent in turn, one per request. */
  readonly cookies: readonly string[]
}

const SESSIONS = 1_000
const run = promisify(execFile)

/** Cookies of a thousand sessions, as an application sets them. */
export const SESSION_COOKIES: readonly string[] = Array.from(
  { length: SESSIONS },
  (_, at) => `theme=dark; sid=s${at}.7f3a9c5b2e8d4f60a1b2c3d4e5f60718`,
)

/** A script that sends requests as a browser does; all of them are made before the run. */
export function writeWrkScript(file: string, { path, bodyBytes, cookies }: WrkRequest): string {
  writeFileSync(
    file,
    `local cookies = {${cookies.map((cookie) => JSON.stringify(cookie)).join(',')}}
local requests = {}
local at = 0
function init(args)
  local body = ${bodyBytes > 0 ? `string.rep("x", ${bodyBytes})` : 'nil'}
  for i = 1, #cookies do
    requests[i] = wrk.format("${bodyBytes > 0 ? 'POST' : 'GET'}", "${path}", {
      ["Host"] = "shop.example",
      ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
      ["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      ["Accept-Language"] = "en-GB,en;q=0.5",
      ["Accept-Encoding"] = "gzip, deflate, br",
      ["Cookie"] = cookies[i],
    }, body)
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency)
  local errors = summary.errors
  print(string.format("RESULT %d %d %d %d %d", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
`,
  )
  return file
}

/** Runs wrk with one thread for some seconds. */
export async function runWrk({ port, connections, seconds, script }: WrkLoad): Promise<WrkFigures> {
  const { stdout } = await run('wrk', [
    ...['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '-s', script],
    `http://127.0.0.1:${port}/`,
  ])
  const found = /^RESULT (\d+) (\d+) (\d+) (\d+) (\d+)$/m.exec(stdout)
  if (found === null) throw new Error(`wrk said: ${stdout}`)
  const [requests = 0, micros = 0, p50 = 0, p99 = 0, errors = 0] = found.slice(1).map(Number)
  return {
    requests,
    perSecond: requests / (micros / 1e6),
    p50Ms: p50 / 1e3,
    p99Ms: p99 / 1e3,
    errors,
  }
}
