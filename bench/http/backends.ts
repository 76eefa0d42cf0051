import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connected, freePorts, startProgram } from '../load/programs.ts'

/** What every contender has behind it. */
export interface Backends {
  /** Servers of `/small`, `/large` and `/upload`, all of one nginx, which is much faster than any of the proxies. */
  readonly ports: readonly number[]
  /** An echo of WebSocket messages. */
  readonly webSocketPort: number
}

export const BACKENDS = 4
export const SMALL_BODY = 'a small body, as an API answers\n'
export const LARGE_BYTES = 100 * 1024
export const UPLOAD_BYTES = 100 * 1024
export const UPLOAD_ANSWER = 'read\n'

/** Starts the servers; `folder` takes their files. */
export async function startBackends(folder: string): Promise<Backends> {
  const [webSocketPort = 0, ...ports] = await freePorts(BACKENDS + 1)
  const root = join(folder, 'backend')
  mkdirSync(root)
  writeFileSync(join(root, 'large'), 'x'.repeat(LARGE_BYTES))
  writeFileSync(join(root, 'nginx.conf'), nginxConfig(root, ports))
  startProgram('nginx', ['-p', root, '-c', join(root, 'nginx.conf')])
  startProgram(process.execPath, [
    new URL('./web-socket-echo.js', import.meta.url).pathname,
    String(webSocketPort),
  ])
  for (const port of [...ports, webSocketPort]) (await connected(port)).destroy()
  return { ports, webSocketPort }
}

/** An upload is answered after its last byte: nginx reads it whole before it asks the socket, which gets no body. */
function nginxConfig(root: string, ports: readonly number[]): string {
  return `daemon off;
master_process off;
worker_rlimit_nofile 8192;
pid ${root}/nginx.pid;
error_log ${root}/error.log;
events { worker_connections 4096; }
http {
  access_log off;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 100000000;
  keepalive_timeout 600s;
  client_max_body_size 16m;
  client_body_buffer_size 256k;
  client_body_temp_path ${root}/bodies;
  proxy_temp_path ${root}/proxied;
  server {
    listen unix:${root}/read.sock;
    location / { return 200 "${UPLOAD_ANSWER.trimEnd()}\\n"; }
  }
  server {
${ports.map((port) => `    listen 127.0.0.1:${port} backlog=4096;`).join('\n')}
    root ${root};
    location = /small { return 200 "${SMALL_BODY.trimEnd()}\\n"; }
    location = /large { }
    location = /fields {
      return 200 "$server_port|$http_x_forwarded_for|$http_x_forwarded_proto|$http_x_forwarded_host|$http_via|$http_x_request_id\\n";
    }
    location = /upload {
      proxy_pass http://unix:${root}/read.sock;
      proxy_pass_request_body off;
      proxy_set_header Content-Length "";
    }
  }
}
`
}
