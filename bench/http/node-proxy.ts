// One proxy of npm in a process of its own: package, port, port of the WebSocket echo, ports of the backends. All of them get
// the same work: a backend chosen by the cookie on a ring, kept connections, X-Forwarded-*, Via and a request id.
import { randomBytes } from 'node:crypto'
import { Agent, createServer, type IncomingMessage } from 'node:http'
import fastifyProxy from '@fastify/http-proxy'
import { createRing } from '@ringway/ring'
import { fastify } from 'fastify'
import httpProxy from 'http-proxy'
import { createProxyServer } from 'httpxy'

const CONNECTIONS_MAX = 1_024
const IDLE_MS = 4_000

const [name = '', port = '', webSocketPort = '', ...backends] = process.argv.slice(2)
const ring = createRing(backends.map((backend) => ({ id: `http://127.0.0.1:${backend}` })))
const webSocketTarget = `http://127.0.0.1:${webSocketPort}`
const prefix = randomBytes(8).toString('hex')
let requests = 0

function targetOf({ url, headers, socket }: IncomingMessage): string {
  if (url === '/ws') return webSocketTarget
  const session = /(?:^|; )sid=([^;]*)/.exec(headers.cookie ?? '')?.[1]
  return ring.owner(session ?? socket.remoteAddress ?? '') ?? ''
}

/** What the proxies do not add by themselves. */
function addFields(message: IncomingMessage): void {
  message.headers['via'] = '1.1 proxy'
  message.headers['x-request-id'] ??= `${prefix}-${++requests}`
}

function serveHttpProxy(): void {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX, timeout: IDLE_MS })
  const proxy = httpProxy.createProxyServer({ agent, xfwd: true, ws: true })
  proxy.on('error', (error) => console.error(error.message))
  const server = createServer((request, response) => {
    addFields(request)
    proxy.web(request, response, { target: targetOf(request) })
  })
  server.on('upgrade', (request, socket, head) =>
    proxy.ws(request, socket, head, { target: webSocketTarget }),
  )
  server.listen(Number(port), '127.0.0.1')
}

function serveHttpxy(): void {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX, timeout: IDLE_MS })
  const proxy = createProxyServer({ agent, xfwd: true, ws: true })
  const failed = (error: unknown) => console.error(error)
  const server = createServer((request, response) => {
    addFields(request)
    proxy.web(request, response, { target: targetOf(request) }).catch(failed)
  })
  server.on('upgrade', (request, socket, head) => {
    proxy.ws(request, socket as never, { target: webSocketTarget }, head).catch(failed)
  })
  server.listen(Number(port), '127.0.0.1')
}

async function serveFastify(): Promise<void> {
  const app = fastify()
  const undici = { connections: CONNECTIONS_MAX, pipelining: 1, keepAliveTimeout: IDLE_MS }
  await app.register(fastifyProxy, {
    upstream: webSocketTarget,
    prefix: '/ws',
    rewritePrefix: '/ws',
    websocket: true,
  })
  await app.register(fastifyProxy, {
    upstream: '',
    undici,
    replyOptions: {
      getUpstream: (request) => targetOf(request.raw as IncomingMessage),
      rewriteRequestHeaders: (request, headers) => ({
        ...headers,
        'x-forwarded-for': request.ip,
        'x-forwarded-proto': request.protocol,
        'x-forwarded-host': request.host,
        via: '1.1 proxy',
        'x-request-id': headers['x-request-id'] ?? `${prefix}-${++requests}`,
      }),
    },
  })
  await app.listen({ port: Number(port), host: '127.0.0.1' })
}

switch (name) {
  case '@fastify/http-proxy':
    await serveFastify()
    break
  case 'httpxy':
    serveHttpxy()
    break
  default:
    serveHttpProxy()
}
