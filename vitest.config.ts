import { defineConfig } from 'vitest/config'

// Tests run on the sources: the packages' exports name them under this condition.
const source = ['@ringway/source']

const unit = (name: string, root: string) => ({
  extends: true as const,
  test: { name, root, include: ['test/**/*.test.ts'] },
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
      unit('ring', 'packages/ring'),
      unit('gossip', 'packages/gossip'),
      unit('router', 'packages/router'),
      unit('peer', 'packages/peer'),
      unit('store', 'packages/store'),
      unit('node', 'apps/node'),
      {
        extends: true,
        // End-to-end tests start processes and clusters: one file at a time, so that they do not starve each other.
        test: {
          name: 'test',
          root: 'test',
          testTimeout: 180_000,
          hookTimeout: 120_000,
          include: ['**/*.test.ts'],
          fileParallelism: false,
        },
      },
    ],
  },
})
