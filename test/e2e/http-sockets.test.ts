import { createServer, type Server as HttpServer } from 'node:http'
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from 'node:net'
import { Server as IoServer } from 'socket.io'
import { type Socket as IoSocket, io } from 'socket.io-client'
import { afterEach, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { eventually } from '../support/eventually.ts'
import { type HttpRouters, startHttpRouters } from '../support/http-routers.ts'
import { admin } from '../support/ringway.ts'

const CLIENTS = 8

const cleanups: (() => unknown)[] = []
let routers: HttpRouters | undefined
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  await routers?.stop()
})

function portOf(server: Server | HttpServer): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}

/** An application with Socket.IO, plain WebSockets by room, and server-sent events; it says its name everywhere. */
async function startApp(): Promise<string> {
  const server = createServer((request, response) => {
    if (!request.url?.startsWith('/events')) {
      response.statusCode = 404
      response.end()
      return
    }
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    response.write(`data: ${name}\n\n`)
  })
  const sockets = new IoServer(server, { pingInterval: 300, pingTimeout: 20_000 })
  sockets.on('connection', (socket) => {
    socket.on('who', (answer: (name: string) => void) => answer(name))
  })
  const rooms = new WebSocketServer({ noServer: true })
  server.on('upgrade', (request, socket, head) => {
    if (!request.url?.startsWith('/rooms/')) return
    rooms.handleUpgrade(request, socket, head, (room) => {
      room.on('message', (message) => room.send(`${name} ${String(message)}`))
    })
  })
  const port = await portOf(server)
  const name = `127.0.0.1:${port}`
  cleanups.push(async () => {
    server.closeAllConnections()
    await sockets.close()
  })
  return name
}

/** A balancer without a memory: every connection goes to the other node. */
async function startAlternating(ports: readonly number[]): Promise<number> {
  let next = 0
  const server = createTcpServer((client) => {
    const node = connect({ host: '127.0.0.1', port: ports[next++ % ports.length] ?? 0 })
    for (const socket of [client, node]) {
      socket.on('error', () => {})
      cleanups.push(() => socket.destroy())
    }
    client.on('close', () => node.destroy())
    node.on('close', () => client.destroy())
    client.pipe(node).pipe(client)
  })
  cleanups.push(() => server.close())
  return await portOf(server)
}

const who = (socket: IoSocket) =>
  new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('no answer from Socket.IO')), 15_000)
    socket.emit('who', (name: string) => {
      clearTimeout(late)
      resolve(name)
    })
  })

/** A client that must never lose its session. */
async function socketIo(port: number, transports: readonly string[], lost: string[]) {
  const socket = io(`http://127.0.0.1:${port}`, {
    transports: [...transports],
    reconnection: false,
    forceNew: true,
    timeout: 20_000,
  })
  cleanups.push(() => socket.close())
  socket.on('disconnect', (reason) => {
    if (reason !== 'io client disconnect') lost.push(reason)
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('connect_error', reject)
  })
  return socket
}

async function enter(port: number, room: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/rooms/${room}?token=x`)
  cleanups.push(() => socket.terminate())
  await new Promise((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  const say = (text: string) =>
    new Promise<string>((resolve, reject) => {
      socket.once('message', (message) => resolve(String(message)))
      socket.once('close', () => reject(new Error(`the WebSocket of ${room} was closed`)))
      socket.send(text)
    })
  return { say }
}

test('Socket.IO, WebSockets and server-sent events through two routers stay where they are when the ring changes', async () => {
  const names = [await startApp(), await startApp(), await startApp()]
  const late = await startApp()
  routers = await startHttpRouters(
    names.map((name) => Number(name.split(':')[1])),
    [
      [
        { pool: 'app', preset: 'socket.io' },
        { pool: 'app', path: '/rooms', key: ['path:/rooms/:room'] },
      ],
    ],
  )
  const [left, right] = routers.ports[0] ?? [0, 0]
  const either = await startAlternating([left, right])

  // Polling alone, and polling that becomes a WebSocket: every connection may come through the other router.
  const lost: string[] = []
  const clients = await Promise.all(
    Array.from({ length: CLIENTS }, (_, at) =>
      socketIo(either, at % 2 === 0 ? ['polling'] : ['polling', 'websocket'], lost),
    ),
  )
  await eventually('half of them have become WebSockets', () =>
    clients.every(
      ({ io: { engine } }, at) =>
        engine.transport.name === (at % 2 === 0 ? 'polling' : 'websocket'),
    ),
  )
  const before = await Promise.all(clients.map(who))
  expect(new Set(before).size).toBeGreaterThan(1)

  // Who enters a room meets the others there, whatever the router; tunnels stay.
  const rooms = Array.from({ length: CLIENTS }, (_, at) => `room-${at}`)
  const here = await Promise.all(rooms.map((room) => enter(left, room)))
  const there = await Promise.all(rooms.map((room) => enter(right, room)))
  const homes = await Promise.all(here.map(({ say }) => say('hello')))
  expect(await Promise.all(there.map(({ say }) => say('hello')))).toEqual(homes)

  const events = await fetch(`http://127.0.0.1:${right}/events`, {
    signal: AbortSignal.timeout(20_000),
  })
  const reader = events.body?.getReader()
  cleanups.push(() => reader?.cancel())
  // The first event arrives while the response goes on.
  expect(new TextDecoder().decode((await reader?.read())?.value)).toMatch(/^data: 127/)

  await routers.change(0, 'POST', '', { url: `http://${late}` })
  await eventually('both routers know the new backend', async () => {
    const seen = await Promise.all(
      routers?.nodes.map((node) =>
        admin<{ pools: { backends: { id: string }[] }[] }>(node, '/v1/pools'),
      ) ?? [],
    )
    return seen.every(({ pools }) => JSON.stringify(pools).includes(late))
  })
  for (let round = 0; round < 3; round++) {
    expect(await Promise.all(clients.map(who))).toEqual(before)
    expect(await Promise.all(there.map(({ say }) => say('hello')))).toEqual(homes)
  }
  expect(lost).toEqual([])
  // New members of a room still meet each other, and at most a fair share of the rooms has moved.
  const later = await Promise.all(rooms.map((room) => enter(left, room)))
  const latest = await Promise.all(rooms.map((room) => enter(right, room)))
  const after = await Promise.all(later.map(({ say }) => say('hello')))
  expect(await Promise.all(latest.map(({ say }) => say('hello')))).toEqual(after)
  const moved = after.filter((home, at) => home !== homes[at])
  for (const home of moved) expect(home).toBe(`${late} hello`)
  console.info(
    `${CLIENTS} Socket.IO clients, 0 lost; ${moved.length} of ${CLIENTS} rooms moved to the new backend, no open WebSocket`,
  )
})
