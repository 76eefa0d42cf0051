import { readFileSync } from 'node:fs'
import { type Document, isMap, isNode, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { NodeError } from '../errors.ts'

/**
 * An error about a configuration file with the line and the column of each key that it names: `ringway.yml:9:11: pools.app…`.
 * Keys that are not in the file (the environment may have them) stay without.
 */
export function withLines(error: unknown, file: string | undefined): unknown {
  if (!(error instanceof NodeError) || error.code !== 'CONFIG_INVALID' || file === undefined)
    return error
  const lines = new LineCounter()
  const text = textOf(file)
  if (text === undefined) return error
  const document = parseDocument(text, { lineCounter: lines })
  const message = error.message
    .split('\n')
    .map((fault) => {
      if (!fault.startsWith(`${file}: `)) return fault
      const rest = fault.slice(file.length + 2)
      const offset = offsetOf(document, /^[^\s:]+/.exec(rest)?.[0] ?? '')
      if (offset === undefined) return fault
      const { line, col } = lines.linePos(offset)
      return `${file}:${line}:${col}: ${rest}`
    })
    .join('\n')
  return new NodeError(error.code, message, error.details, { cause: error })
}

/** Undefined when the file went away meanwhile: then the error has to do without lines. */
function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** Where the deepest part of a key that the file has stands. Names of pools may have dots of their own. */
function offsetOf(document: Document, key: string): number | undefined {
  let parts = key.split('.')
  let node: unknown = document.contents
  let offset: number | undefined
  while (parts.length > 0) {
    const step = stepInto(node, parts)
    if (step === undefined) break
    node = step.value
    offset = step.offset ?? offset
    parts = parts.slice(step.taken)
  }
  return offset
}

function stepInto(node: unknown, parts: readonly string[]) {
  if (isSeq(node)) {
    const value = node.items[Number(parts[0])]
    return value === undefined ? undefined : { value, taken: 1, offset: startOf(value) }
  }
  if (!isMap(node)) return undefined
  for (let taken = 1; taken <= parts.length; taken++) {
    const name = parts.slice(0, taken).join('.')
    const pair = node.items.find((item) => String(item.key) === name)
    if (pair) return { value: pair.value, taken, offset: startOf(pair.key) }
  }
  return undefined
}

function startOf(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined
}
