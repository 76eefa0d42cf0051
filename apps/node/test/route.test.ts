import { expect, test } from 'vitest'
import { localAddressTowards } from '../src/net/route.ts'

test('the route to loopback leaves from loopback', async () => {
  expect(await localAddressTowards('127.0.0.1', 7946)).toBe('127.0.0.1')
})

test('a name that does not resolve has no route', async () => {
  expect(await localAddressTowards('no-such-host.invalid', 7946)).toBeUndefined()
})
