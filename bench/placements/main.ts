// Every placement of the ring: answers first, then balance and movement at 5, 10, 50 and 100 nodes, then speed beside npm
// hashring and consistent-hash. With UPDATE_DOCS=1 the tables in docs/ are replaced by those of this run.

import { writeTable } from '../docs-table.ts'
import { missingOwners, type Row, report } from '../harness.ts'
import { checkPlacements } from './answers.ts'
import { measureQuality, type Quality, qualityTable } from './quality.ts'
import { measureSpeed, speedRows, speedTable } from './speed.ts'
import { PACKAGES, PLACEMENTS } from './subjects.ts'

function qualityRows(all: ReadonlyMap<string, readonly Quality[]>): Row[] {
  return [...all].flatMap(([name, qualities]) =>
    qualities.flatMap(
      ({ nodes, busiest, joinMoves, joinShuffles, leaveMoves, leaveShuffles }): Row[] => [
        { what: `${name}, ${nodes} nodes: busiest / mean`, value: busiest, unit: '' },
        {
          what: `${name}, ${nodes} nodes: join moves x (N + 1)`,
          value: joinMoves * (nodes + 1),
          unit: '',
        },
        {
          what: `${name}, ${nodes} nodes: join, between nodes that stay`,
          value: 100 * joinShuffles,
          unit: '%',
        },
        { what: `${name}, ${nodes} nodes: leave moves x N`, value: leaveMoves * nodes, unit: '' },
        {
          what: `${name}, ${nodes} nodes: leave, between nodes that stay`,
          value: 100 * leaveShuffles,
          unit: '%',
        },
      ],
    ),
  )
}

checkPlacements()
const qualities = new Map(PLACEMENTS.map((subject) => [subject.name, measureQuality(subject)]))
const speeds = measureSpeed([...PLACEMENTS, ...PACKAGES])
if (missingOwners() > 0) throw new Error('a look-up found no owner')

const quality = qualityTable(qualities)
const speed = speedTable(speeds, 'npm hashring, cache off')
report('placements', [...qualityRows(qualities), ...speedRows(speeds)])
console.log(`\n${quality}\n\n${speed}`)
if (process.env['UPDATE_DOCS'] === '1') {
  writeTable('placements.md', 'placement quality', quality)
  writeTable('benchmarks.md', 'placement speed', speed)
}
