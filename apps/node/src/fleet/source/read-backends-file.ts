import { open } from 'node:fs/promises'
import type { FoundServer } from './found-server.ts'

export const BACKENDS_FILE_BYTES_MAX = 1_048_576

/** Reads the servers that a file names. @throws Error when it cannot be read or a line is wrong: a half-read file is no file. */
export async function readBackendsFile(path: string): Promise<readonly FoundServer[]> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    if (size > BACKENDS_FILE_BYTES_MAX)
      throw new Error(`${path} has ${size} bytes; allowed: up to ${BACKENDS_FILE_BYTES_MAX}`)
    return parseBackendsFile(await file.readFile('utf8'), path)
  } finally {
    await file.close()
  }
}

/** One server per line: `URL [id=ID] [weight=N] [zone=Z]`; `#` begins a comment. */
export function parseBackendsFile(text: string, path: string): readonly FoundServer[] {
  return text.split(/\r?\n/).flatMap((line, index) => {
    const [url, ...settings] = line.replace(/#.*$/, '').trim().split(/\s+/)
    if (url === undefined || url === '') return []
    const server: Record<string, string | number> = { url }
    for (const setting of settings) {
      const [, name = '', value = ''] = /^(id|weight|zone)=(\S+)$/.exec(setting) ?? []
      const weight = Number(value)
      if (name === '' || (name === 'weight' && !(weight > 0 && weight <= 1_000)))
        throw new Error(
          `${path}:${index + 1}: found ${JSON.stringify(setting)}; allowed: id=ID, weight=N above 0 up to 1000, zone=Z`,
        )
      server[name] = name === 'weight' ? weight : value
    }
    return [server as FoundServer]
  })
}
