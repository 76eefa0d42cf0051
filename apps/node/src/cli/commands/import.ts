import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { stringify } from 'yaml'
import { NodeError } from '../../errors.ts'
import { IMPORT_BYTES_MAX, type Imported } from '../../import/imported.ts'
import { importMcrouter } from '../../import/mcrouter.ts'
import { importNutcracker } from '../../import/nutcracker.ts'
import { prove, sampleKeys } from '../../import/proof.ts'

/**
 * `ringway import FILE`: the configuration on stdout or in a file; on stderr what was not translated, and the proof that keys
 * stay where they are.
 *
 * @returns the exit code: 1 when a key would have another server
 */
export function importFile(
  file: string,
  { output, keys }: { readonly output?: string; readonly keys: number },
): number {
  const imported = translate(readText(file), file)
  const yaml = written(imported, file)
  const proofs = prove(yaml, imported, sampleKeys(keys))
  if (output === undefined) process.stdout.write(yaml)
  else writeText(output, yaml)
  for (const note of imported.untranslated) console.error(`note: ${note}`)
  for (const { pool, keys: compared, equal, example } of proofs) {
    if (compared === 0) console.error(`pool ${pool}: nothing to compare`)
    else if (equal === compared)
      console.error(`pool ${pool}: ${equal} of ${compared} keys have the same server`)
    else
      console.error(
        `pool ${pool}: ${compared - equal} of ${compared} keys have another server, the first is ${JSON.stringify(example)}`,
      )
  }
  return proofs.every(({ keys: compared, equal }) => equal === compared) ? 0 : 1
}

/** Files of mcrouter are JSON, with comments; nutcracker's are YAML in block style. */
function translate(text: string, file: string): Imported {
  const start = text.replace(/^(\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/, '')
  return start.startsWith('{') ? importMcrouter(text, file) : importNutcracker(text, file)
}

function written({ program, options }: Imported, file: string): string {
  return `# Made from ${file} of ${program} by \`ringway import\`. Keys stay on the servers that have them.\n${stringify(options)}`
}

function readText(file: string): string {
  try {
    const { size } = statSync(file)
    if (size > IMPORT_BYTES_MAX)
      throw new NodeError(
        'IMPORT_INVALID',
        `${file}: found ${size} bytes; allowed: up to ${IMPORT_BYTES_MAX}`,
      )
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if (cause instanceof NodeError) throw cause
    throw new NodeError('IMPORT_INVALID', `${file}: ${(cause as Error).message}`, {}, { cause })
  }
}

function writeText(output: string, yaml: string): void {
  try {
    writeFileSync(output, yaml)
  } catch (cause) {
    throw new NodeError(
      'CONFIG_UNREADABLE',
      `--output ${output}: ${(cause as Error).message}`,
      {},
      { cause },
    )
  }
}
