import { check } from '../harness.ts'
import type { Contender } from '../load/contender.ts'
import { LARGE_BYTES, SMALL_BODY, UPLOAD_ANSWER, UPLOAD_BYTES } from './backends.ts'
import { echoes } from './web-sockets.ts'

const SESSIONS = 200
const ASKED_TWICE = 2

/** Figures of wrong answers are worth nothing, and neither are those of less work. */
export async function checkAnswers({ name, port }: Contender, backends: number): Promise<void> {
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, init)
    check(response.status === 200, `${name} answers ${path} with ${response.status}`)
    return await response.text()
  }
  check((await ask('/small')) === SMALL_BODY, `${name}: the small body`)
  check((await ask('/large')) === 'x'.repeat(LARGE_BYTES), `${name}: the large body`)
  const upload = { method: 'POST', body: 'x'.repeat(UPLOAD_BYTES) }
  check((await ask('/upload', upload)) === UPLOAD_ANSWER, `${name}: an upload`)
  check(await echoes(port), `${name}: a WebSocket message`)
  const seen = new Set<string>()
  for (let session = 0; session < SESSIONS; session++) {
    const servers = new Set<string>()
    for (let i = 0; i < ASKED_TWICE; i++) {
      const cookie = `theme=dark; sid=session-${session}`
      const fields = await ask('/fields', { headers: { cookie } })
      const [server = '', ...added] = fields.trimEnd().split('|')
      servers.add(server)
      check(
        added.length === ADDED.length && added.every((each) => each !== ''),
        `${name} adds ${ADDED.join(', ')}: ${fields}`,
      )
    }
    check(servers.size === 1, `${name}: a session has moved`)
    for (const server of servers) seen.add(server)
  }
  check(seen.size === backends, `${name} uses ${seen.size} of ${backends} backends`)
}

/** Fields that a backend sees, in the order in which it shows them. */
export const ADDED = [
  'X-Forwarded-For',
  'X-Forwarded-Proto',
  'X-Forwarded-Host',
  'Via',
  'X-Request-Id',
] as const
