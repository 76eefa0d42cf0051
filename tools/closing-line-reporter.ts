import type { Reporter, TestModule } from 'vitest/node'

/** Prints `N passed, N failed` as the last line, with the skipped tests named: what CI reads. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0
    let failed = unhandledErrors.length
    const skipped: string[] = []
    for (const module of modules) {
      failed += module.errors().length
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') passed++
        else if (result.state === 'failed') failed++
        else if (result.state === 'skipped')
          skipped.push(`${test.fullName}: ${result.note ?? 'no reason given'}`)
      }
    }
    for (const line of skipped) console.log(`skipped  ${line}`)
    if (skipped.length > 0) console.log(`${skipped.length} skipped`)
    console.log(`\n${passed} passed, ${failed} failed`)
  }
}
