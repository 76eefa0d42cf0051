import { posix } from 'node:path'
import ts from 'typescript'

/** A source file, its path relative to the repository root. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** Who may import what (DESIGN §2). The first rule whose folder contains a file applies to it. */
interface Rule {
  readonly folder: string
  /** Packages and folders that may be imported besides the file's own folder. */
  readonly may: readonly string[]
  /** Pure folders take time, randomness and bytes as arguments. */
  readonly pure?: boolean
  /** Ambient names that are allowed all the same, with the reason beside the rule. */
  readonly ambient?: readonly string[]
}

export const RULES: readonly Rule[] = [
  { folder: 'packages/ring/src', may: [], pure: true },
  { folder: 'packages/gossip/src/core', may: [], pure: true },
  { folder: 'packages/gossip/src/wire', may: ['packages/gossip/src/core'], pure: true },
  {
    folder: 'packages/gossip/src/testing',
    may: ['packages/gossip/src/core', 'packages/gossip/src/wire'],
    pure: true,
  },
  { folder: 'packages/gossip/src', may: ['packages/gossip/src', 'node:*'] },
  // Buffer methods beat Uint8Array here, as the benchmark shows.
  { folder: 'packages/router/src/codec', may: [], pure: true, ambient: ['Buffer'] },
  { folder: 'packages/router/src/health', may: [], pure: true },
  { folder: 'packages/router/src/balance', may: ['@ringway/ring'], pure: true },
  {
    folder: 'packages/router/src/plan',
    may: [
      'packages/router/src/codec',
      'packages/router/src/health',
      'packages/router/src/topology.ts',
      '@ringway/ring',
    ],
    pure: true,
    ambient: ['Buffer'],
  },
  { folder: 'packages/router/src', may: ['packages/router/src', '@ringway/ring', 'node:*'] },
  { folder: 'packages/peer/src/wire', may: ['msgpackr'], pure: true },
  { folder: 'packages/peer/src', may: ['packages/peer/src', 'msgpackr', 'node:*'] },
  { folder: 'packages/store/src', may: ['@ringway/ring'], pure: true },
  { folder: 'apps/node/src', may: ['*'] },
]

/** What a pure folder may not touch: the platform, its clocks and its randomness. */
const AMBIENT = new Set([
  'Buffer',
  'process',
  'setTimeout',
  'setInterval',
  'setImmediate',
  'queueMicrotask',
  'console',
  'performance',
  'fetch',
  'Promise',
  'crypto',
  'globalThis',
])
const AMBIENT_CALLS = new Set(['Date.now', 'Math.random'])

/** Every breach of the rules, one line each, `path: what`. */
export function findViolations(files: readonly SourceFile[]): readonly string[] {
  return files.flatMap((file) => {
    const rule = RULES.find(({ folder }) => file.path.startsWith(`${folder}/`))
    if (!rule) return [`${file.path}: no rule covers this folder`]
    return [...importViolations(file, rule), ...(rule.pure ? purityViolations(file, rule) : [])]
  })
}

function importViolations(file: SourceFile, rule: Rule): readonly string[] {
  return importsOf(file)
    .filter((target) => !isAllowed(target, rule))
    .map(
      (target) =>
        `${file.path}: imports ${target}; ${rule.folder} may import ${rule.may.join(', ') || 'nothing else'}`,
    )
}

function isAllowed(target: string, rule: Rule): boolean {
  if (target.startsWith(`${rule.folder}/`)) return true
  return rule.may.some((allowed) => {
    if (allowed === '*') return !/^@ringway\/[^/]+\/(?!(?:testing|hyperswarm)$)/.test(target)
    if (allowed.endsWith(':*')) return target.startsWith(allowed.slice(0, -1))
    return target === allowed || target.startsWith(`${allowed}/`)
  })
}

function purityViolations(file: SourceFile, rule: Rule): readonly string[] {
  const source = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.ES2023, true)
  const declared = new Set<string>()
  const used = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isAwaitExpression(node)) used.add('await')
    if (
      ts.canHaveModifiers(node) &&
      ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.AsyncKeyword)
    )
      used.add('async')
    if (ts.isPropertyAccessExpression(node) && AMBIENT_CALLS.has(node.getText(source)))
      used.add(node.getText(source))
    if (
      ts.isNewExpression(node) &&
      node.expression.getText(source) === 'Date' &&
      !node.arguments?.length
    )
      used.add('new Date()')
    if (ts.isIdentifier(node)) {
      if (isDeclaration(node)) declared.add(node.text)
      else if (AMBIENT.has(node.text) && !isMemberName(node)) used.add(node.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return [...used]
    .filter((name) => !declared.has(name) && !rule.ambient?.includes(name))
    .map((name) => `${file.path}: a pure folder uses ${name}`)
}

function isDeclaration(node: ts.Identifier): boolean {
  const { parent } = node
  const declares =
    ts.isVariableDeclaration(parent) ||
    ts.isParameter(parent) ||
    ts.isBindingElement(parent) ||
    ts.isFunctionDeclaration(parent) ||
    ts.isImportSpecifier(parent) ||
    ts.isClassDeclaration(parent)
  return declares && parent.name === node
}

/** `x.process`, `{ process: … }`, `process(): …`: a name inside something else, not the platform's. */
function isMemberName(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node
  return (
    (ts.isPropertyAssignment(parent) || ts.isClassElement(parent) || ts.isTypeElement(parent)) &&
    parent.name === node
  )
}

/** Targets of static and dynamic imports; relative ones resolved to paths from the root. */
function importsOf(file: SourceFile): readonly string[] {
  const specifiers = [
    ...file.text.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)['"]([^'"]+)['"]/g),
  ].map((match) => match[1] ?? '')
  return specifiers.map((specifier) =>
    specifier.startsWith('.') ? posix.join(posix.dirname(file.path), specifier) : specifier,
  )
}
