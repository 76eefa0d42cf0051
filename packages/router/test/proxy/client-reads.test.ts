import { type AddressInfo, createServer, Socket } from 'node:net'
import { expect, test } from 'vitest'
import { readClient } from '../../src/proxy/client-reads.ts'
import { onCleanup } from '../testing/fixture.ts'
import { RawClient } from '../testing/http-fixture.ts'

interface Moved {
  readonly accepted: Socket
  readonly socket: Socket
}

/** A server that sends back what it reads, and ends after its clients. */
async function startEcho(moved: Moved[]) {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (accepted) => {
    const socket = readClient(accepted, (bytes, length) => {
      socket.write(Buffer.from(bytes.subarray(0, length)))
    })
    socket.once('end', () => socket.end())
    moved.push({ accepted, socket })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onCleanup(() => {
    server.close()
  })
  return { server, client: () => new RawClient((server.address() as AddressInfo).port) }
}

test('an accepted connection is moved to a socket that reads into the shared buffer, half-open as before', async () => {
  const moved: Moved[] = []
  const { server, client } = await startEcho(moved)
  const one = client()
  await one.send('one').until('one')
  const [first] = moved
  expect(first?.socket).not.toBe(first?.accepted)
  expect(first?.socket.remotePort).toBe(one.socket.localPort)
  one.send('two').socket.end()
  expect(await one.closed()).toBe('onetwo')
  // Nothing of it is left with the server.
  await new Promise((resolve) => server.close(resolve))
})

test('a moved connection is not read while it is paused', async () => {
  const moved: Moved[] = []
  const { client } = await startEcho(moved)
  const one = client()
  await one.send('one').until('one')
  const [first] = moved
  first?.socket.pause()
  // Sent both ways through the kernel: what another connection said later is there, and nothing of this one.
  await new Promise<void>((resolve) => one.socket.write('two', () => resolve()))
  await client().send('three').until('three')
  expect(one.text).toBe('one')
  first?.socket.resume()
  await one.until('onetwo')
})

test('a socket whose connection cannot be taken is read as it is', () => {
  const socket = new Socket()
  onCleanup(() => {
    socket.destroy()
  })
  const taken: string[] = []
  expect(
    readClient(socket, (bytes, length) => taken.push(bytes.toString('latin1', 0, length))),
  ).toBe(socket)
  socket.emit('data', Buffer.from('one'))
  expect(taken).toEqual(['one'])
})
