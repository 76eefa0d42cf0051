import { defineConfig } from 'vitest/config'

// Long runs, apart from `npm test`: `npm run soak -- NAME`. They take sources as the tests do.
const source = ['@ringway/source']

export default defineConfig({
  root: `${import.meta.dirname}/../..`,
  resolve: { conditions: source },
  ssr: { resolve: { conditions: source, externalConditions: source } },
  test: {
    include: ['test/soak/**/*.soak.ts', 'packages/*/test/**/*.soak.ts'],
    testTimeout: 24 * 3_600_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    reporters: ['verbose'],
    // The figures are what a soak is run for.
    disableConsoleIntercept: true,
  },
})
