import { check } from '../harness.ts'
import { PACKAGES, PLACEMENTS } from './subjects.ts'

/** Sums over the keys k0 to k99999 that the real programs give for 10.0.0.1:6379 to 10.0.0.5:6379. */
const KNOWN: Readonly<Record<string, number>> = {
  'ketama (twemproxy, fnv1a_64)': 2194152161,
  'ketama (twemproxy, md5)': 1337537854,
  'ketama-weighted (libmemcached)': 1337537854,
  'ketama-plain (libmemcached)': 2404438267,
  'hashring (npm)': 1337537854,
  nginx: 1775027179,
  'haproxy, weight 1': 1949291232,
  envoy: 1877847410,
  maglev: 1207695598,
  'mcrouter Ch3': 1517365794,
  caddy: 1807437518,
  'npm hashring, cache off': 1337537854,
}

const KEYS = 20_000

/** Checks every placement before anything is timed. */
export function checkPlacements(): void {
  const five = Array.from({ length: 5 }, (_, i) => `10.0.0.${i + 1}:6379`)
  for (const { name, build } of [...PLACEMENTS, ...PACKAGES]) {
    const find = build(five)
    let sum = 0
    for (let i = 0; i < 100_000; i++)
      sum = (Math.imul(sum, 31) + five.indexOf(find(`k${i}`) ?? '')) >>> 0
    const known = KNOWN[name]
    if (known !== undefined) check(sum === known, `${name}: ${sum} and not ${known}`)
  }
  compareWithHashring()
}

/** Our `hashring` is npm's at every number of servers, with its trap at 7, 14, 28 and 49. */
function compareWithHashring(): void {
  const ours = PLACEMENTS.find(({ name }) => name === 'hashring (npm)')
  const theirs = PACKAGES.find(({ name }) => name === 'npm hashring, cache off')
  if (!ours || !theirs) throw new Error('hashring is not among the subjects')
  for (const count of [1, 2, 3, 5, 7, 14, 25, 28, 49, 50]) {
    const ids = Array.from({ length: count }, (_, i) => `10.${i}.0.1:${6379 + (i % 3)}`)
    const [own, other] = [ours.build(ids), theirs.build(ids)]
    for (let i = 0; i < KEYS; i++) {
      const key = `schlüssel-${i}`
      check(own(key) === other(key), `hashring at ${count} servers, ${key}`)
    }
  }
}
