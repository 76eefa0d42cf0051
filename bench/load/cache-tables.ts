import type { Row } from '../harness.ts'
import type { RoundFigures } from './rounds.ts'

/** How fast the router must be, against nutcracker. */
export interface Demand {
  readonly must: number
  readonly aim: number
}

/** One load, and what each contender made of it. */
export interface Measured {
  readonly name: string
  readonly contenders: readonly RoundFigures[]
  readonly demand?: Demand | undefined
}

interface Ratios {
  readonly throughput: number
  readonly cpu: number
}

export function rowsOf(measured: Measured): readonly Row[] {
  const { name, contenders, demand } = measured
  const { throughput, cpu } = ratiosOf(measured)
  const ratio = {
    what: `${name}: ringway ÷ nutcracker in throughput`,
    value: throughput,
    unit: '×',
  }
  return [
    ...contenders.flatMap((each): readonly Row[] => [
      { what: `${name}: ${each.name}`, value: Math.round(each.perSecond), unit: 'req/s' },
      { what: `${name}: ${each.name}, p50`, value: each.p50Ms, unit: 'ms' },
      { what: `${name}: ${each.name}, p99`, value: each.p99Ms, unit: 'ms' },
      { what: `${name}: ${each.name}, CPU`, value: each.cpuMicros, unit: 'µs/req' },
    ]),
    demand === undefined
      ? ratio
      : {
          ...ratio,
          must: `>= ${demand.must} (aim ${demand.aim})`,
          pass: throughput >= demand.must,
        },
    { what: `${name}: ringway ÷ nutcracker in requests per CPU second`, value: cpu, unit: '×' },
  ]
}

function ratiosOf({ contenders }: Measured): Ratios {
  const of = (name: string) => contenders.find((each) => each.name === name)
  const [ours, theirs] = [of('ringway'), of('nutcracker')]
  return {
    throughput: (ours?.perSecond ?? Number.NaN) / (theirs?.perSecond ?? Number.NaN),
    cpu: (theirs?.cpuMicros ?? Number.NaN) / (ours?.cpuMicros ?? Number.NaN),
  }
}

/** Requests per second, processor time and latency of each, and the ratios. */
export function tableOf(all: readonly Measured[]): string {
  const names = all[0]?.contenders.map(({ name }) => name) ?? []
  const head = ['req/s · CPU µs · p50 / p99 ms', ...names, '÷ nutcracker (per CPU second)', 'must']
  const lines = all.map((measured) => {
    const cells = measured.contenders.map(
      ({ perSecond, cpuMicros, p50Ms, p99Ms }) =>
        `${Math.round(perSecond)} · ${cpuMicros.toFixed(1)} · ${p50Ms.toFixed(1)} / ${p99Ms.toFixed(1)}`,
    )
    const { throughput, cpu } = ratiosOf(measured)
    const must = measured.demand === undefined ? '' : `≥ ${measured.demand.must}`
    return [measured.name, ...cells, `${throughput.toFixed(2)} (${cpu.toFixed(2)})`, must]
  })
  return [head, head.map((_, at) => (at === 0 ? '---' : '---:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}
