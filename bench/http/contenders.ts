import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Certificate } from '../load/certificate.ts'
import { type Contender, started } from '../load/contender.ts'
import { freePorts } from '../load/programs.ts'
import type { Backends } from './backends.ts'

/** Proxies of npm, from the fastest of them on. */
export const NODE_PROXIES = ['@fastify/http-proxy', 'httpxy', 'http-proxy'] as const

const COOKIE = 'sid'
/** Kept shorter than the backends keep them. */
const UPSTREAM_IDLE_SECONDS = 4
const CONNECTIONS_MAX = 4_096
const RINGWAY = fileURLToPath(new URL('../../../apps/node/dist/main.js', import.meta.url))

/** The daemon as users start it: routes, stickiness, active checks, limits, counters, all added fields. */
export async function startRingway(
  folder: string,
  { ports, webSocketPort }: Backends,
  route: { readonly sticky: 'hash' | 'pinned'; readonly tls?: Certificate },
): Promise<Contender> {
  const [port = 0, gossip = 0, peer = 0, admin = 0] = await freePorts(4)
  const file = join(folder, `ringway-${port}.json`)
  writeFileSync(
    file,
    JSON.stringify({
      cookie: { secrets: ['sixteen characters and more'] },
      pools: {
        app: {
          protocol: 'http',
          backends: ports.map((each) => ({ url: `http://127.0.0.1:${each}` })),
          check: { path: '/small' },
        },
        chat: { protocol: 'http', backends: [{ url: `http://127.0.0.1:${webSocketPort}` }] },
      },
      listeners: [
        {
          protocol: 'http',
          bind: `127.0.0.1:${port}`,
          routes: [
            { pool: 'app', key: [`cookie:${COOKIE}`, 'ip'], sticky: route.sticky },
            { pool: 'chat', path: '/ws', key: ['ip'], sticky: 'hash' },
          ],
          ...(route.tls === undefined ? {} : { tls: { certificates: [route.tls] } }),
        },
      ],
    }),
  )
  const { pid } = await started(port, process.execPath, [
    ...[RINGWAY, 'start', '--config', file, '--no-snapshot', '--log-level', 'warn'],
    ...['--gossip', `127.0.0.1:${gossip}`, '--peer', `127.0.0.1:${peer}`],
    ...['--admin', `127.0.0.1:${admin}`],
  ])
  return { name: route.sticky === 'hash' ? 'ringway' : 'ringway pinned', port, pid }
}

/** `pinned`: HAProxy inserts a cookie of its own, of which only a hash names the server. */
export async function startHaproxy(
  folder: string,
  backends: Backends,
  sticky: 'hash' | 'pinned',
): Promise<Contender> {
  const [port = 0] = await freePorts(1)
  const file = join(folder, `haproxy-${sticky}.cfg`)
  writeFileSync(file, haproxyConfig(port, backends, sticky))
  const { pid } = await started(port, 'haproxy', ['-db', '-q', '-f', file])
  return { name: sticky === 'hash' ? 'haproxy' : 'haproxy pinned', port, pid }
}

export async function startNginx(folder: string, backends: Backends): Promise<Contender> {
  const [port = 0] = await freePorts(1)
  const root = join(folder, 'nginx')
  mkdirSync(root)
  const file = join(root, 'nginx.conf')
  writeFileSync(file, nginxConfig(root, port, backends))
  const { pid } = await started(port, 'nginx', ['-p', root, '-c', file])
  return { name: 'nginx', port, pid }
}

export async function startNodeProxy(
  name: (typeof NODE_PROXIES)[number],
  { ports, webSocketPort }: Backends,
): Promise<Contender> {
  const [port = 0] = await freePorts(1)
  const program = fileURLToPath(new URL('./node-proxy.js', import.meta.url))
  const args = [program, name, port, webSocketPort, ...ports].map(String)
  const { pid } = await started(port, process.execPath, args)
  return { name, port, pid }
}

/** `balance hash` on a consistent ring, as our `hash` has it. */
function haproxyConfig(
  port: number,
  { ports, webSocketPort }: Backends,
  sticky: 'hash' | 'pinned',
): string {
  const session =
    sticky === 'hash'
      ? `  balance hash req.cook(${COOKIE})\n  hash-type consistent`
      : `  balance hash req.cook(${COOKIE})\n  hash-type consistent\n  cookie ringway insert indirect httponly attr SameSite=Lax dynamic\n  dynamic-cookie-key sixteen-characters-and-more`
  return `global
  nbthread 1
  maxconn ${CONNECTIONS_MAX}
defaults
  mode http
  option http-keep-alive
  http-reuse safe
  default-server pool-purge-delay ${UPSTREAM_IDLE_SECONDS}s
  timeout client 75s
  timeout http-request 10s
  timeout http-keep-alive 75s
  timeout connect 1s
  timeout queue 5s
  timeout server 60s
  timeout tunnel 1h
  unique-id-format %{+X}o%ci%cp%Ts%rt
frontend in
  bind 127.0.0.1:${port} backlog 4096
  option forwardfor
  unique-id-header X-Request-Id
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request add-header Via "1.1 haproxy"
  use_backend chat if { path /ws }
  default_backend app
backend app
${session}
  option httpchk GET /small
  default-server check inter 2s
${ports.map((each, at) => `  server app${at} 127.0.0.1:${each}`).join('\n')}
backend chat
  server chat 127.0.0.1:${webSocketPort} check inter 2s
`
}

function nginxConfig(root: string, port: number, { ports, webSocketPort }: Backends): string {
  // A location that sets one field inherits none.
  const added = [
    'Host $host',
    'X-Forwarded-For $remote_addr',
    'X-Forwarded-Proto $scheme',
    'X-Forwarded-Host $host',
    'Via "1.1 nginx"',
    'X-Request-Id $request_id',
  ]
    .map((field) => `      proxy_set_header ${field};`)
    .join('\n')
  return `daemon off;
master_process off;
worker_rlimit_nofile 8192;
pid ${root}/nginx.pid;
error_log ${root}/error.log;
events { worker_connections ${CONNECTIONS_MAX}; }
http {
  access_log off;
  tcp_nodelay on;
  keepalive_requests 100000000;
  keepalive_timeout 75s;
  client_header_timeout 10s;
  client_max_body_size 1g;
  client_body_temp_path ${root}/bodies;
  proxy_temp_path ${root}/proxied;
  upstream app {
    hash $cookie_${COOKIE} consistent;
${ports.map((each) => `    server 127.0.0.1:${each};`).join('\n')}
    keepalive 1024;
    keepalive_requests 100000000;
    keepalive_timeout ${UPSTREAM_IDLE_SECONDS}s;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    proxy_http_version 1.1;
    proxy_connect_timeout 1s;
    proxy_read_timeout 60s;
    proxy_request_buffering off;
    location = /ws {
      proxy_pass http://127.0.0.1:${webSocketPort};
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
${added}
    }
    location / {
      proxy_pass http://app;
      proxy_set_header Connection "";
${added}
    }
  }
}
`
}
