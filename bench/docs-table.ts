import { readFileSync, writeFileSync } from 'node:fs'

/** Replaces what stands between the marks of a table in a page of docs/. */
export function writeTable(page: string, mark: string, table: string): void {
  const path = new URL(`../../docs/${page}`, import.meta.url)
  const text = readFileSync(path, 'utf8')
  const [begin, end] = [`<!-- ${mark} begin -->`, `<!-- ${mark} end -->`]
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`${page} has no marks ${begin} and ${end}`)
  writeFileSync(path, `${text.slice(0, from + begin.length)}\n${table}\n${text.slice(to)}`)
}
