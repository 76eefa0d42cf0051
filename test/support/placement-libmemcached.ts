import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { requireProgram } from './programs.ts'

const SOURCE = join(import.meta.dirname, 'placement-libmemcached.c')

/** libmemcached's numbers of its hashes (`memcached_hash_t`). */
export const LIBMEMCACHED_NUMBERS = {
  one_at_a_time: 0,
  md5: 1,
  crc: 2,
  fnv1_64: 3,
  fnv1a_64: 4,
  fnv1_32: 5,
  fnv1a_32: 6,
  murmur: 8,
  jenkins: 9,
} as const

/** Asks the real library, through a small C program that is compiled once. */
export interface Libmemcached {
  /** The index of each key's server. */
  owners(
    distribution: 'modula' | 'ketama' | 'ketama-weighted',
    hash: keyof typeof LIBMEMCACHED_NUMBERS | undefined,
    servers: readonly { readonly id: string; readonly weight?: number }[],
    keys: readonly Uint8Array[],
  ): readonly number[]
  remove(): void
}

/** Compiles the program, or skips the test with the reason; with `CI=true` it fails instead. */
export function requireLibmemcached(context: TestContext): Libmemcached {
  // Debian's g++ brings gcc and the headers of C, which gcc alone only recommends; the tools bring the library.
  const compiler = requireProgram(context, 'g++')
  requireProgram(context, 'memcping')
  const folder = mkdtempSync(join(tmpdir(), 'ringway-libmemcached-'))
  const program = join(folder, 'ask')
  const source = ['-x', 'c', SOURCE, '-x', 'none']
  execFileSync(compiler, [
    '-O1',
    '-Wall',
    '-Werror',
    '-o',
    program,
    ...source,
    '-l:libmemcached.so.11',
  ])
  return {
    owners: (distribution, hash, servers, keys) => {
      const number = hash === undefined ? -1 : LIBMEMCACHED_NUMBERS[hash]
      const named = servers.map(({ id, weight = 1 }) => `${id}:${weight}`)
      const { status, stdout, stderr } = spawnSync(
        program,
        [distribution, String(number), ...named],
        {
          input: Buffer.concat(
            keys.flatMap((key) => [Buffer.of(key.length & 0xff, key.length >> 8), key]),
          ),
          maxBuffer: 2 ** 26,
        },
      )
      if (status !== 0) throw new Error(`libmemcached: ${stderr.toString()}`)
      return stdout.toString().trim().split('\n').map(Number)
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
