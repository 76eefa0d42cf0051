import { defineConfig, type UserWorkspaceConfig } from 'vitest/config'

// Tests run on the sources: the packages' exports name them under this condition.
const source = ['@ringway/source']

const unit = (name: string, root: string) => ({
  extends: true as const,
  test: { name, root, include: ['test/**/*.test.ts'] },
})

// These keep nothing in their modules, so the files of one worker share them: half the time of these tests was loading.
const pure = (name: string, root: string) => {
  const project = unit(name, root)
  return { ...project, test: { ...project.test, isolate: false } }
}

/** End-to-end tests that put load on what they start. */
const underLoad = ['e2e/member-*.test.ts', 'e2e/http-*.test.ts', 'e2e/redis-copies*.test.ts']

/** Tests that start processes and clusters. */
const processes = (name: string, include: string[], options: UserWorkspaceConfig['test']) => ({
  extends: true as const,
  test: {
    name,
    root: 'test',
    testTimeout: 180_000,
    hookTimeout: 120_000,
    include,
    ...options,
  },
})

export default defineConfig({
  resolve: { conditions: source },
  ssr: { resolve: { conditions: source, externalConditions: source } },
  test: {
    restoreMocks: true,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    sequence: { shuffle: { files: false, tests: true } },
    reporters: ['default', './tools/closing-line-reporter.ts'],
    projects: [
      pure('ring', 'packages/ring'),
      pure('gossip', 'packages/gossip'),
      unit('router', 'packages/router'),
      unit('peer', 'packages/peer'),
      unit('store', 'packages/store'),
      unit('node', 'apps/node'),
      processes('conformance', ['conformance/**/*.test.ts', 'architecture/**/*.test.ts'], {
        maxWorkers: 2,
        sequence: { groupOrder: 1 },
      }),
      // Clusters that mostly wait for each other.
      processes('e2e', ['e2e/**/*.test.ts'], {
        exclude: underLoad,
        maxWorkers: 2,
        sequence: { groupOrder: 1 },
      }),
      // One file at a time, so that they do not starve each other.
      processes('load', underLoad, { fileParallelism: false, sequence: { groupOrder: 2 } }),
    ],
  },
})
