import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { CHUNK_BYTES, LARGE_CHUNK_BYTES } from '../../src/pool/chunk.ts'
import { Outbox } from '../../src/pool/outbox.ts'

const open: { destroy(): void }[] = []
afterEach(() => {
  for (const each of open.splice(0)) each.destroy()
})

/** Both ends of a connection. */
async function pair(): Promise<readonly [Socket, Socket]> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [far] = (await once(server, 'connection')) as [Socket]
  server.close()
  open.push(near, far)
  return [near, far]
}

async function received(far: Socket, bytes: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of far) {
    pieces.push(piece as Buffer)
    length += (piece as Buffer).length
    if (length >= bytes) break
  }
  return Buffer.concat(pieces)
}

describe('an outbox', () => {
  it('hands every byte on in its order, however slowly it is read and whatever becomes of the buffer it came in', async () => {
    const [near, far] = await pair()
    const outbox = new Outbox()
    const reads = Buffer.alloc(LARGE_CHUNK_BYTES + 1)
    const wanted: Buffer[] = []
    const lengths = [10, CHUNK_BYTES, CHUNK_BYTES + 1, LARGE_CHUNK_BYTES, LARGE_CHUNK_BYTES + 1, 3]
    let taken = true
    // Far more than the kernel takes, of which nothing is read yet; then other connections use the free buffers.
    for (let round = 0; round < 200; round++) {
      const length = lengths[round % lengths.length] as number
      reads.fill(round + 1, 0, length)
      outbox.append(reads, 0, length, false)
      wanted.push(Buffer.from(reads.subarray(0, length)))
      taken = outbox.flush(near) && taken
    }
    expect(taken).toBe(false)
    const [other] = await pair()
    const second = new Outbox()
    for (let i = 0; i < 20; i++) {
      second.append(reads.fill(0), 0, LARGE_CHUNK_BYTES, false)
      second.flush(other)
    }
    const all = Buffer.concat(wanted)
    expect((await received(far, all.length)).equals(all)).toBe(true)
  })

  it('references large bytes that are stable, and copies others', async () => {
    const [near, far] = await pair()
    const outbox = new Outbox()
    const bytes = Buffer.alloc(LARGE_CHUNK_BYTES, 'a')
    expect(outbox.append(bytes, 0, bytes.length, true).bytes).toBe(bytes)
    const copied = outbox.append(bytes, 0, bytes.length, false)
    bytes.fill('b')
    expect(copied.bytes.toString('latin1', 0, 3)).toBe('aaa')
    outbox.flush(near)
    expect((await received(far, 2 * bytes.length)).length).toBe(2 * bytes.length)
  })
})
