import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { BackendSource } from '../../src/config/config.ts'
import {
  BackendWatch,
  refreshDelay,
  type SourceEvent,
} from '../../src/fleet/source/backend-watch.ts'
import { DnsServer, type SrvRecord } from '../testing/dns-server.ts'

const REFRESH_MS = 20
let dns: DnsServer
let watch: BackendWatch | undefined
const events: SourceEvent[] = []
beforeEach(async () => {
  dns = await new DnsServer().listen()
})
afterEach(() => {
  watch?.close()
  dns.close()
  events.length = 0
})

function follow(source: Partial<BackendSource>): BackendWatch {
  watch = new BackendWatch({
    pool: { name: 'app', protocol: 'http' },
    source: {
      refreshMs: REFRESH_MS,
      url: `http://\${address}:\${port}`,
      weight: 1,
      server: { host: '127.0.0.1', port: dns.port },
      ...source,
    } as BackendSource,
    changed: () => {},
    said: (event) => events.push(event),
  })
  return watch
}

const byName = () => follow({ type: 'dns', name: 'app.test', port: 3000 })
const byService = () => follow({ type: 'srv', name: '_http._tcp.app.test' })
const ids = () => watch?.backends.map(({ id }) => id)
const weights = () => Object.fromEntries(watch?.backends.map((one) => [one.id, one.weight]) ?? [])
const srv = (...records: readonly SrvRecord[]) =>
  dns.names.set('_http._tcp.app.test', [{ type: 'SRV', records }])
const target = (name: string, weight = 1, priority = 1): SrvRecord => ({
  name: `${name}.test`,
  port: 80,
  weight,
  priority,
})

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!holds()) {
    if (performance.now() > deadline)
      throw new Error(`not in time: ${JSON.stringify([ids(), events])}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Resolves once the server was asked anew, and what it said was taken. */
async function askedAgain(): Promise<void> {
  const { asked } = dns
  await until(() => dns.asked >= asked + 4)
}

describe('backends by name', () => {
  test('are all A and AAAA records, and follow them', async () => {
    dns.names.set('app.test', [
      { type: 'A', addresses: ['10.0.0.2', '10.0.0.1'] },
      { type: 'AAAA', addresses: ['fd00::1'] },
    ])
    await byName().asked
    expect(ids()).toEqual(['10.0.0.1:3000', '10.0.0.2:3000', '[fd00::1]:3000'])
    dns.names.set('app.test', [{ type: 'A', addresses: ['10.0.0.2', '10.0.0.3'] }])
    await until(() => ids()?.length === 2)
    expect(ids()).toEqual(['10.0.0.2:3000', '10.0.0.3:3000'])
  })

  test('stay as they were while the name is gone, the server fails, or nothing is named', async () => {
    dns.names.set('app.test', [{ type: 'A', addresses: ['10.0.0.1'] }])
    await byName().asked
    for (const broken of [undefined, [{ type: 'SERVFAIL' as const }], []]) {
      if (broken === undefined) dns.names.delete('app.test')
      else dns.names.set('app.test', broken)
      await until(() => events.at(-1)?.type === 'source-failed')
      await askedAgain()
      expect(ids()).toEqual(['10.0.0.1:3000'])
      dns.names.set('app.test', [{ type: 'A', addresses: ['10.0.0.1'] }])
      await until(() => events.at(-1)?.type === 'source-answered')
    }
    // Said once each, however often it was asked meanwhile.
    expect(events.map(({ type }) => type)).toEqual(
      Array.from({ length: 3 }, () => ['source-failed', 'source-answered']).flat(),
    )
    expect(events[0]?.text).toMatch(/the last 1 servers stay$/)
  })

  test('are 1,024 at most; one more is left out, and said', async () => {
    const addresses = Array.from({ length: 1_025 }, (_, i) => `10.1.${i >> 8}.${i & 255}`)
    dns.names.set('app.test', [{ type: 'A', addresses: addresses.slice(0, 1_024) }])
    await byName().asked
    expect(ids()).toHaveLength(1_024)
    expect(events).toEqual([])
    dns.names.set('app.test', [{ type: 'A', addresses }])
    await until(() => events.length > 0)
    expect(events[0]).toMatchObject({ type: 'source-truncated' })
    expect(ids()).toHaveLength(1_024)
  })
})

describe('backends by SRV', () => {
  test('are those of the best priority, with their weights', async () => {
    srv(target('a', 10, 1), target('b', 20, 1), target('spare', 60, 2))
    await byService().asked
    expect(weights()).toEqual({ 'a.test:80': 10, 'b.test:80': 20 })
    srv(target('spare', 60, 2))
    await until(() => ids()?.length === 1)
    expect(weights()).toEqual({ 'spare.test:80': 60 })
  })

  test('keep the ratio of large weights, and count 0 as hardly any', async () => {
    srv(target('a', 100), target('b', 200), target('c', 0))
    await byService().asked
    expect(weights()).toEqual({ 'a.test:80': 25, 'b.test:80': 50, 'c.test:80': 0.25 })
    srv(target('a', 0), target('b', 0))
    await until(() => ids()?.length === 2)
    expect(weights()).toEqual({ 'a.test:80': 1, 'b.test:80': 1 })
  })
})

test('refreshes are spread by a tenth of their interval', () => {
  expect([0, 0.5, 1].map((random) => refreshDelay(5_000, random))).toEqual([4_500, 5_000, 5_500])
})
