import { expect, test } from 'vitest'
import { readTags, writeTags, ZONE_CHARACTERS_MAX } from '../../src/cluster/member-tags.ts'

const facts = {
  version: '1.2.3',
  instance: '0011223344556677',
  zone: 'eu-1a',
  weight: 2.5,
  state: 'active',
  peerPort: 7947,
  adminPort: 7900,
  definitions: '89abcdef',
  cluster: '01234567',
} as const

test('what a member writes, the others read', () => {
  expect(readTags(writeTags(facts))).toEqual(facts)
  const { zone: _zone, adminPort: _adminPort, cluster: _cluster, ...least } = facts
  expect(readTags(writeTags(least))).toEqual(least)
})

test('a zone that no ring takes is left out', () => {
  const zoneOf = (zone: string) => readTags(writeTags({ ...facts, zone }))?.zone
  expect(zoneOf('é'.repeat(ZONE_CHARACTERS_MAX))).toHaveLength(ZONE_CHARACTERS_MAX)
  expect(zoneOf('é'.repeat(ZONE_CHARACTERS_MAX + 1))).toBeUndefined()
  expect(zoneOf('')).toBeUndefined()
})

test('tags without an instance or a port are not a Ringway member', () => {
  expect(readTags({})).toBeUndefined()
  expect(readTags({ ...writeTags(facts), i: 'short' })).toBeUndefined()
  expect(readTags({ ...writeTags(facts), p: '65536' })).toBeUndefined()
})
