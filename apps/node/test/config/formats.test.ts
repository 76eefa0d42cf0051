import { expect, test } from 'vitest'
import { FORMATS, parseSwarmSeed } from '../../src/config/formats.ts'

test.each([
  ['10.0.0.1:7946', true],
  ['name/10.0.0.1:7946', true],
  ['dns:cluster.internal', true],
  ['srv:_ringway._udp.internal', true],
  ['file:/etc/ringway/seeds', true],
  ['file:', false],
  ['swarm:topic', true],
  ['swarm:topic@127.0.0.1:49737', true],
  ['swarm:', false],
  ['swarm:two words', false],
  ['swarm:topic@nowhere', false],
])('the seed %s: %s', (seed, isAllowed) => {
  expect(FORMATS.seed.accepts(seed)).toBe(isAllowed)
})

test('a swarm seed has a topic, and a bootstrap node of one’s own if it names one', () => {
  expect(parseSwarmSeed('swarm:tea')).toEqual({ topic: 'tea' })
  expect(parseSwarmSeed('swarm:tea@10.0.0.1:1')).toEqual({
    topic: 'tea',
    bootstrap: { host: '10.0.0.1', port: 1 },
  })
  expect(parseSwarmSeed('10.0.0.1:1')).toBeUndefined()
})
