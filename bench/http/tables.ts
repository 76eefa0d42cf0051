import type { Row } from '../harness.ts'
import { NODE_PROXIES } from './contenders.ts'

/** Medians of one contender under one load. */
export interface ContenderFigures {
  readonly name: string
  readonly perSecond: number
  readonly cpuMicros: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly errors: number
}

export interface Measured {
  readonly name: string
  /** Ours first. */
  readonly contenders: readonly ContenderFigures[]
}

/** The load of which DESIGN §10 demands something. */
const DEMANDED = 'small body, 64 connections'
const AGAINST_HAPROXY_MIN = 0.75
const AGAINST_NODE_MIN = 4

export function rowsOf(measured: Measured): readonly Row[] {
  const { name, contenders } = measured
  const figures = contenders.flatMap((each): readonly Row[] => [
    { what: `${name}: ${each.name}`, value: Math.round(each.perSecond), unit: 'req/s' },
    { what: `${name}: ${each.name}, p50`, value: each.p50Ms, unit: 'ms' },
    { what: `${name}: ${each.name}, p99`, value: each.p99Ms, unit: 'ms' },
    { what: `${name}: ${each.name}, CPU`, value: each.cpuMicros, unit: 'µs/req' },
    ...(each.errors === 0
      ? []
      : [{ what: `${name}: ${each.name}, errors`, value: each.errors, unit: '' }]),
  ])
  const { haproxy, node } = ratiosOf(measured)
  return [
    ...figures,
    ...ratioRows(`${name}: ringway ÷ HAProxy`, haproxy, name === DEMANDED, AGAINST_HAPROXY_MIN),
    ...ratioRows(`${name}: ringway ÷ best Node proxy`, node, name === DEMANDED, AGAINST_NODE_MIN),
  ]
}

interface Ratio {
  readonly throughput: number
  readonly cpu: number
}

function ratioRows(
  what: string,
  ratio: Ratio | undefined,
  demanded: boolean,
  min: number,
): readonly Row[] {
  if (ratio === undefined) return []
  const throughput = { what: `${what} in throughput`, value: ratio.throughput, unit: '×' }
  return [
    demanded ? { ...throughput, must: `>= ${min}`, pass: ratio.throughput >= min } : throughput,
    { what: `${what} in requests per CPU second`, value: ratio.cpu, unit: '×' },
  ]
}

/** How many times as much ours does. */
function ratiosOf({ contenders }: Measured): {
  readonly haproxy: Ratio | undefined
  readonly node: Ratio | undefined
} {
  const [ours] = contenders
  const haproxy = contenders.find(({ name }) => name.startsWith('haproxy'))
  const nodes = contenders.filter(({ name }) => NODE_PROXIES.some((each) => each === name))
  const against = (others: readonly ContenderFigures[]): Ratio | undefined =>
    ours === undefined || others.length === 0
      ? undefined
      : {
          throughput: ours.perSecond / Math.max(...others.map(({ perSecond }) => perSecond)),
          cpu: Math.min(...others.map(({ cpuMicros }) => cpuMicros)) / ours.cpuMicros,
        }
  return { haproxy: against(haproxy === undefined ? [] : [haproxy]), node: against(nodes) }
}

/** Requests per second, CPU and 99th percentile of each, and the ratios. */
export function tableOf(all: readonly Measured[]): string {
  const names = all[0]?.contenders.map(({ name }) => name) ?? []
  const head = ['req/s · CPU µs · p99 ms', ...names, '÷ HAProxy', '÷ best Node proxy']
  const lines = all.map((measured) => {
    const { haproxy, node } = ratiosOf(measured)
    const cells = names.map((name) => {
      const figures = measured.contenders.find(
        (each) => each.name === name || each.name === `${name} pinned`,
      )
      if (figures === undefined) return ''
      const { perSecond, cpuMicros, p99Ms } = figures
      return `${Math.round(perSecond)} · ${cpuMicros.toFixed(0)} · ${p99Ms.toFixed(1)}`
    })
    return [measured.name, ...cells, ratioText(haproxy), ratioText(node)]
  })
  return [head, head.map((_, at) => (at === 0 ? '---' : '---:')), ...lines]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

/** Throughput, and in brackets work per CPU second. */
function ratioText(ratio: Ratio | undefined): string {
  return ratio === undefined ? '' : `${ratio.throughput.toFixed(2)} (${ratio.cpu.toFixed(2)})`
}
