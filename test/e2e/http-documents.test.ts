import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import { Hocuspocus } from '@hocuspocus/server'
import { createDecoder, readVarUint } from 'lib0/decoding'
import { createEncoder, length, toUint8Array, writeVarUint } from 'lib0/encoding'
import { afterEach, expect, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { readSyncMessage, writeSyncStep1, writeUpdate } from 'y-protocols/sync'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { eventually } from '../support/eventually.ts'
import { type HttpRouters, startHttpRouters } from '../support/http-routers.ts'
import { admin } from '../support/ringway.ts'

const SYNC = 0
const ROOMS = ['one', 'two'] as const

const cleanups: (() => unknown)[] = []
let routers: HttpRouters | undefined
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  await routers?.stop()
})

/** The protocol of y-websocket, on the side of the server, without awareness. */
class Room {
  readonly doc = new Y.Doc()
  readonly #members = new Set<WebSocket>()

  constructor(app: string) {
    this.doc.getMap('server').set('name', app)
    this.doc.on('update', (update: Uint8Array) => {
      for (const member of this.#members) say(member, (encoder) => writeUpdate(encoder, update))
    })
  }

  enter(member: WebSocket): void {
    this.#members.add(member)
    member.on('close', () => this.#members.delete(member))
    member.on('message', (bytes: Buffer) => {
      const decoder = createDecoder(new Uint8Array(bytes))
      if (readVarUint(decoder) !== SYNC) return
      say(member, (encoder) => readSyncMessage(decoder, encoder, this.doc, member))
    })
    say(member, (encoder) => writeSyncStep1(encoder, this.doc))
  }
}

function say(member: WebSocket, write: (encoder: ReturnType<typeof createEncoder>) => void): void {
  const encoder = createEncoder()
  writeVarUint(encoder, SYNC)
  write(encoder)
  if (length(encoder) > 1) member.send(toUint8Array(encoder))
}

/** Rooms of both protocols, kept in memory, each of which says in its document which server has it. */
async function startApp(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const rooms = new Map<string, Room>()
  const hocuspocus = new Hocuspocus({
    quiet: true,
    onLoadDocument: async ({ document }) => {
      document.getMap('server').set('name', String(port))
    },
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, request) => {
    const path = request.url ?? '/'
    if (path.includes('document=')) {
      hocuspocus.handleConnection(socket, request)
      return
    }
    const room = rooms.get(path) ?? new Room(String(port))
    rooms.set(path, room)
    room.enter(socket)
  })
  cleanups.push(() => {
    for (const socket of sockets.clients) socket.terminate()
    server.close()
  })
  return port
}

function yjs(port: number, room: string): Y.Doc {
  const doc = new Y.Doc()
  const provider = new WebsocketProvider(`ws://127.0.0.1:${port}`, room, doc, {
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    disableBc: true,
  })
  cleanups.push(() => provider.destroy())
  return doc
}

function hocuspocusOf(port: number, name: string): Y.Doc {
  const document = new Y.Doc()
  const websocketProvider = new HocuspocusProviderWebsocket({
    url: `ws://127.0.0.1:${port}/?document=${name}`,
    WebSocketPolyfill: WebSocket,
  })
  const provider = new HocuspocusProvider({ websocketProvider, name, document })
  provider.attach()
  cleanups.push(() => {
    provider.destroy()
    websocketProvider.destroy()
  })
  return document
}

/** Both write, and both see it; the name of the server where they met. */
async function meet(what: string, left: Y.Doc, right: Y.Doc): Promise<string> {
  left.getText('text').insert(0, 'left ')
  right.getText('text').insert(0, 'right ')
  await eventually(`${what}: both see both edits and one server`, () => {
    const seen = [left, right].map((doc) => ({
      text: doc.getText('text').toString(),
      name: doc.getMap('server').get('name'),
    }))
    const [one, two] = seen
    if (one === undefined || two === undefined || one.name === undefined) return false
    const whole = one.text.includes('left') && one.text.includes('right')
    return whole && one.text === two.text && one.name === two.name
  })
  return String(left.getMap('server').get('name'))
}

test('clients of Yjs and Hocuspocus meet in their documents through two routers, also when a backend is added', async () => {
  const late = await startApp()
  routers = await startHttpRouters(
    [await startApp(), await startApp()],
    [[{ pool: 'app', preset: 'yjs' }], [{ pool: 'app', preset: 'hocuspocus' }]],
  )
  const kinds = [yjs, hocuspocusOf]
  const { ports, nodes } = routers
  const open = (round: string) =>
    kinds.flatMap((client, kind) =>
      ROOMS.map((room) => {
        const [left = 0, right = 0] = ports[kind] ?? []
        const docs = [client(left, room), client(right, room)] as const
        return { what: `${client.name} ${room} ${round}`, docs }
      }),
    )
  const first = open('first')
  const before = await Promise.all(first.map(({ what, docs }) => meet(what, ...docs)))

  await routers.change(0, 'POST', '', { url: `http://127.0.0.1:${late}` })
  await eventually('both routers know the new backend', async () => {
    const seen = await Promise.all(nodes.map((node) => admin<object>(node, '/v1/pools')))
    return seen.every((pools) => JSON.stringify(pools).includes(`:${late}`))
  })
  // Whoever is connected stays, and whoever comes now meets the others who come now.
  expect(await Promise.all(first.map(({ what, docs }) => meet(what, ...docs)))).toEqual(before)
  const after = await Promise.all(open('later').map(({ what, docs }) => meet(what, ...docs)))
  const moved = after.filter((name, at) => name !== before[at])
  expect(moved.every((name) => name === String(late))).toBe(true)
  console.info(`${before.length} documents; ${moved.length} of them at the new backend afterwards`)
})
