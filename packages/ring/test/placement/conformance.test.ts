import { expect, test } from 'vitest'
import { RING_PLACEMENTS } from '../../src/index.ts'
import { type ConformanceCase, describePlacement } from '../placement.conformance.ts'

const minimal = { busiestMax: 1.4, shuffledMax: 0, weights: true } as const
/** 16 points per server: HAProxy's users set weights of 100. */
const coarse = { busiestMax: 1.9, shuffledMax: 0, weights: true } as const
/** Removing a middle one renumbers those behind it. */
const numbered = { busiestMax: 1.15, shuffledMax: 0.75, weights: false } as const
const everything = { busiestMax: 1.3, shuffledMax: 0.85, weights: true } as const

const CASES: readonly ConformanceCase[] = [
  { name: 'ringway', options: {}, ...minimal },
  { name: 'ringway over slots', options: { keyHash: 'crc16-slot' }, ...minimal },
  { name: 'ketama', options: { placement: 'ketama' }, ...minimal },
  { name: 'ketama md5', options: { placement: 'ketama', keyHash: 'md5' }, ...minimal },
  { name: 'ketama murmur', options: { placement: 'ketama', keyHash: 'murmur' }, ...minimal },
  // 32,768 hashes at one end of the circle: the reference calls it useless, and so do users who met it.
  {
    name: 'ketama crc32',
    options: { placement: 'ketama', keyHash: 'crc32' },
    ...minimal,
    busiestMax: 6,
  },
  { name: 'ketama-weighted', options: { placement: 'ketama-weighted' }, ...minimal },
  { name: 'ketama-plain', options: { placement: 'ketama-plain' }, ...minimal },
  { name: 'ketama-plain md5', options: { placement: 'ketama-plain', keyHash: 'md5' }, ...minimal },
  { name: 'nginx', options: { placement: 'nginx' }, ...minimal },
  { name: 'haproxy', options: { placement: 'haproxy' }, ...coarse },
  { name: 'haproxy wt6', options: { placement: 'haproxy', keyHash: 'wt6' }, ...coarse },
  {
    name: 'haproxy djb2 avalanche',
    options: { placement: 'haproxy', keyHash: 'djb2', avalanche: true },
    ...coarse,
  },
  { name: 'envoy', options: { placement: 'envoy' }, ...minimal, shuffledMax: 0.16 },
  {
    name: 'envoy murmur2',
    options: { placement: 'envoy', keyHash: 'murmur2', pointHash: 'murmur2' },
    ...minimal,
    shuffledMax: 0.16,
  },
  {
    name: 'maglev',
    options: { placement: 'maglev' },
    ...minimal,
    busiestMax: 1.1,
    shuffledMax: 0.01,
  },
  { name: 'mcrouter Ch3', options: { placement: 'mcrouter' }, ...numbered },
  {
    name: 'mcrouter WeightedCh3',
    options: { placement: 'mcrouter', hashFunction: 'WeightedCh3' },
    ...numbered,
    weights: true,
  },
  {
    name: 'mcrouter Crc32',
    options: { placement: 'mcrouter', hashFunction: 'Crc32' },
    ...everything,
    weights: false,
  },
  {
    name: 'mcrouter ConstShard',
    options: { placement: 'mcrouter', hashFunction: 'ConstShard' },
    ...numbered,
    // Keys `user:<number>:…` name their shard themselves; numbers above the servers fall back to Ch3.
  },
  { name: 'hashring', options: { placement: 'hashring' }, ...minimal },
  {
    name: 'hashring as hash_ring',
    options: { placement: 'hashring', compatibility: 'hash_ring' },
    ...minimal,
  },
  { name: 'rendezvous', options: { placement: 'rendezvous' }, ...minimal, busiestMax: 1.1 },
  { name: 'caddy', options: { placement: 'caddy' }, ...minimal, busiestMax: 1.1, weights: false },
  { name: 'jump', options: { placement: 'jump' }, ...numbered },
  { name: 'modula', options: { placement: 'modula' }, ...everything },
  {
    name: 'modula of libmemcached',
    options: { placement: 'modula', style: 'libmemcached' },
    ...everything,
    weights: false,
  },
  { name: 'modula of nginx', options: { placement: 'modula', style: 'nginx' }, ...everything },
  {
    name: 'modula of haproxy',
    options: { placement: 'modula', style: 'haproxy', keyHash: 'wt6', avalanche: true },
    ...everything,
  },
]

test('every placement is in the suite', () => {
  const covered = new Set(CASES.map(({ options }) => options.placement ?? 'ringway'))
  expect([...covered].sort()).toEqual(Object.keys(RING_PLACEMENTS).sort())
})

for (const each of CASES) describePlacement(each)
