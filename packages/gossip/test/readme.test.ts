import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'

const PACKAGE = join(import.meta.dirname, '..')
const DOCUMENTS = ['README.md', 'src/testing/README.md']

/** What snippets leave to the reader. */
const PRELUDE: readonly (readonly [name: string, declaration: string])[] = [
  ['list', "declare const list: import('@ringway/gossip').Memberlist"],
  ['key', 'declare const key: Uint8Array'],
  ['newKey', 'declare const newKey: Uint8Array'],
  ['oldKey', 'declare const oldKey: Uint8Array'],
  ['name', 'declare const name: string'],
  ['bind', 'declare const bind: { host: string; port: number }'],
  ['addressesFromMyCloud', 'declare function addressesFromMyCloud(): Promise<string[]>'],
]

function snippets(document: string): readonly string[] {
  const text = readFileSync(join(PACKAGE, document), 'utf8')
  return Array.from(text.matchAll(/```ts\n([\s\S]*?)```/g), ([, code = '']) => code)
}

function asModule(code: string): string {
  const declared = PRELUDE.filter(([name]) => !new RegExp(`const ${name}\\b`).test(code))
  return [...declared.map(([, declaration]) => declaration), code, 'export {}'].join('\n')
}

test('every snippet of the README files is right TypeScript', { timeout: 60_000 }, () => {
  const modules = new Map<string, string>()
  for (const document of DOCUMENTS)
    for (const [index, code] of snippets(document).entries())
      modules.set(
        join(PACKAGE, 'test', `${document.replaceAll('/', '-')}.${index}.ts`),
        asModule(code),
      )
  expect(modules.size).toBeGreaterThanOrEqual(7)

  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    moduleDetection: ts.ModuleDetectionKind.Force,
    customConditions: ['@ringway/source'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    skipLibCheck: true,
  }
  const host = ts.createCompilerHost(options)
  const { readFile, fileExists, getSourceFile } = host
  host.fileExists = (file) => modules.has(file) || fileExists(file)
  host.readFile = (file) => modules.get(file) ?? readFile(file)
  host.getSourceFile = (file, language, ...more) => {
    const code = modules.get(file)
    return code === undefined
      ? getSourceFile(file, language, ...more)
      : ts.createSourceFile(file, code, language)
  }
  const program = ts.createProgram([...modules.keys()], options, host)
  const problems = [...modules.keys()].flatMap((file) => {
    const source = program.getSourceFile(file)
    return [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ].map(({ messageText }) => `${file}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`)
  })
  expect(problems).toEqual([])
})
