import {
  Simulation,
  type SimulationOptions,
  type SimulationReport,
} from '../../src/testing/index.ts'
import { createModelTable } from '../table/model-table.ts'

type Script = (simulation: Simulation) => void
type Setting = Omit<SimulationOptions, 'seed' | 'createTable' | 'plantedBug'>

export interface Scenario {
  readonly setting: Setting
  readonly script: Script
}

const anyOf = (simulation: Simulation, members: number): string =>
  `m${simulation.random.below(members)}`

const everyLinkOf = (simulation: Simulation, name: string, members: number): void => {
  for (let i = 0; i < members; i++)
    if (`m${i}` !== name) simulation.cut(name, `m${i}`, simulation.random.between(30, 400))
}

export const SCENARIOS = {
  'one of three is killed': {
    setting: { members: 3 },
    script: (s) => {
      s.load().advance(1_000)
      s.kill(anyOf(s, 3))
      s.advance(2_500)
    },
  },
  'one of five is restarted empty within 300 ms, 20 times': {
    setting: { members: 5, clients: 4 },
    script: (s) => {
      s.load().advance(500)
      for (let i = 0; i < 20; i++) {
        s.killAndRestart(anyOf(s, 5), s.random.between(20, 300))
        s.advance(900)
      }
    },
  },
  'the founder is restarted empty': {
    setting: { members: 3 },
    script: (s) => {
      s.load().advance(800)
      s.killAndRestart('m0', s.random.between(20, 300))
      s.advance(2_500)
    },
  },
  'a member is suspended for about 3 s and resumed': {
    setting: { members: 3, clients: 10, keys: 8 },
    script: (s) => {
      s.load().advance(500)
      for (let i = 0; i < 3; i++) {
        s.pause(anyOf(s, 3), s.random.between(1_700, 3_500))
        s.advance(4_500)
      }
    },
  },
  'the link between two owners flaps': {
    setting: { members: 3 },
    script: (s) => {
      s.load().advance(500)
      for (let i = 0; i < 3; i++) {
        const a = s.random.below(3)
        s.cut(`m${a}`, `m${(a + 1) % 3}`, s.random.between(50, 2_000))
        s.advance(2_500)
      }
    },
  },
  'a member is cut off from all others': {
    setting: { members: 3 },
    script: (s) => {
      s.load().advance(500)
      s.isolate(anyOf(s, 3), s.random.between(100, 6_000))
      s.advance(8_000)
    },
  },
  'all links of a member break for a moment, three copies': {
    setting: { members: 4, replicas: 3, clients: 10, keys: 8 },
    script: (s) => {
      s.load().advance(500)
      for (let i = 0; i < 5; i++) {
        everyLinkOf(s, anyOf(s, 4), 4)
        s.advance(1_500)
      }
    },
  },
  'two members join': {
    setting: { members: 3 },
    script: (s) => {
      s.load().advance(500)
      s.join('m3')
      s.advance(800)
      s.join('m4')
      s.advance(2_500)
    },
  },
  'a member leaves': {
    setting: { members: 4 },
    script: (s) => {
      s.load().advance(500)
      s.leave(anyOf(s, 4), 10_000)
      s.advance(3_500)
    },
  },
  'members join, restart and leave at once': {
    setting: { members: 4, keys: 40 },
    script: (s) => {
      s.load().advance(300)
      s.join('m4')
      s.advance(s.random.between(20, 400))
      s.killAndRestart(anyOf(s, 4), 100)
      s.advance(2_500)
      s.leave(anyOf(s, 4), 8_000)
      s.advance(700)
      s.join('m5')
      s.advance(2_500)
    },
  },
  'a member joins slowly and another is killed meanwhile': {
    setting: { members: 3, keys: 60, store: { handOverBytesPerSecond: 250 } },
    script: (s) => {
      s.load().advance(800)
      s.join('m3')
      s.advance(s.random.between(800, 1_300))
      s.killAndRestart(anyOf(s, 3), s.random.between(20, 300))
      s.advance(2_500)
    },
  },
  'restarts and cuts while hand-over is slow': {
    setting: { members: 5, store: { handOverBytesPerSecond: 1_500 } },
    script: (s) => {
      s.load().advance(1_000)
      for (let i = 0; i < 3; i++) {
        s.killAndRestart(anyOf(s, 5), s.random.between(20, 300))
        s.advance(500)
        const a = s.random.below(5)
        s.cut(`m${a}`, `m${(a + 1) % 5}`, 100)
        s.settle(6_000)
      }
    },
  },
} as const satisfies Record<string, Scenario>

export type ScenarioName = keyof typeof SCENARIOS

export function run(
  name: ScenarioName,
  seed: number,
  plantedBug?: SimulationOptions['plantedBug'],
): SimulationReport {
  const { setting, script }: Scenario = SCENARIOS[name]
  const simulation = new Simulation({
    ...setting,
    seed,
    createTable: () => createModelTable({ maxBytes: 64 * 1024 * 1024 }),
    ...(plantedBug === undefined ? {} : { plantedBug }),
  })
  script(simulation)
  return simulation.finish()
}
