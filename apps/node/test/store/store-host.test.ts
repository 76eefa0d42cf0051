import type { PeerHub } from '@ringway/peer'
import { expect, test } from 'vitest'
import { StoreHost } from '../../src/store/store-host.ts'

const silent = { onMessage: () => () => {}, send: () => false, drop: () => {} }

function createHost(): StoreHost {
  return new StoreHost({
    hub: silent as unknown as PeerHub,
    maxMemoryBytes: 1024 ** 2,
    now: () => 1_000,
    onEvent: () => {},
    onStrange: () => {},
    store: {
      name: 'a',
      instance: '0011223344556677',
      pool: 'store',
      replicas: 1,
      minCopies: 1,
      maxMemoryPolicy: 'noeviction',
    },
  })
}

test('closing answers every command that waits, once, and those that come later', async () => {
  const host = createHost()
  const replies: string[] = []
  const ask = (key: string) => {
    const args = ['GET', key].map((text) => new TextEncoder().encode(text))
    host.dispatch(
      { name: 'get', args, keyIndex: 1, resp: 2 },
      { reply: (_part, bytes) => replies.push(`${key} ${new TextDecoder().decode(bytes)}`) },
      0,
    )
  }
  // Nobody has founded the cluster: these wait for a primary.
  ask('x')
  ask('y')
  await Promise.resolve()
  expect(replies).toEqual([])

  host.close()
  host.close()
  ask('z')
  await Promise.resolve()
  expect(replies).toEqual([
    'x -ERR the node is closed\r\n',
    'y -ERR the node is closed\r\n',
    'z -ERR the node is closed\r\n',
  ])
})
