import { expect, it } from 'vitest'
import { bulk, named } from '../testing/fake-backend.ts'
import { startStaticRouter } from '../testing/fixture.ts'
import { until } from '../testing/until.ts'

const PING = '*1\r\n$4\r\nPING\r\n'
const LIMIT = PING.length * 10

it('holds so much input of a client that waits in a blocking command, and reads no more behind one byte past it', async () => {
  const { backends, client, router } = await startStaticRouter(
    [
      ([name, ...more], socket) =>
        name === 'BLPOP' ? undefined : named('a')([name ?? '', ...more], socket),
    ],
    { blockedInputBytesMax: LIMIT },
  )
  const [redis, other] = [client(), client()]
  redis.send(['BLPOP', 'list', '0'])
  await backends[0]?.arrived(1)
  await other.ask('PING')
  const bytesRead = () => router.counters().clients.bytesIn
  let sent = bytesRead()
  const write = async (text: string) => {
    redis.socket.write(text)
    sent += text.length
    expect(await until(bytesRead, (count) => count === sent)).toBe(sent)
  }
  await write(PING.repeat(10))
  // At the limit it is still read.
  await write(PING.slice(0, 1))
  // One past it is not: others are served for a while, and nothing more comes in from here.
  redis.socket.write(PING.slice(1))
  for (let turn = 0; turn < 50; turn++) {
    expect(await other.ask('PING')).toBe('+PONG\r\n')
    sent += PING.length
  }
  expect(bytesRead()).toBe(sent)
  backends[0]?.send(`*2\r\n${bulk('list')}${bulk('v')}`)
  expect(await redis.replies(12)).toEqual([
    `*2\r\n${bulk('list')}${bulk('v')}`,
    ...Array.from({ length: 11 }, () => '+PONG\r\n'),
  ])
})
