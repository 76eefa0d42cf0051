import type { Reporter, SerializedError, TestModule } from 'vitest/node'

/**
 * Prints `N passed, N failed` as the last line, which CI reads. Before it come the failures and the skipped tests, so that
 * whoever has only the end of a long log knows them.
 */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    let passed = 0
    const failed: string[] = unhandledErrors.map((error) => `outside of tests: ${cause([error])}`)
    const skipped = new Map<string, number>()
    for (const module of modules) {
      const file = module.relativeModuleId
      if (module.errors().length > 0) failed.push(`${file}: ${cause(module.errors())}`)
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') passed++
        else if (result.state === 'failed')
          failed.push(`${file} > ${test.fullName}: ${cause(result.errors)}`)
        else if (result.state === 'skipped') {
          const reason = `${test.fullName}: ${result.note ?? 'no reason given'}`
          skipped.set(reason, (skipped.get(reason) ?? 0) + 1)
        }
      }
    }
    for (const [reason, times] of skipped)
      console.log(`skipped  ${reason}${times === 1 ? '' : ` (${times} times)`}`)
    for (const line of failed) console.log(`FAILED   ${line}`)
    console.log(`\n${passed} passed, ${failed.length} failed`)
  }
}

const CAUSE_LENGTH_MAX = 600

function cause(errors: readonly { message: string }[]): string {
  const text = errors.map(({ message }) => message).join(' | ')
  return text.replaceAll('\n', ' ').slice(0, CAUSE_LENGTH_MAX)
}
