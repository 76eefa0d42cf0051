import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  BACKENDS_FILE_BYTES_MAX,
  parseBackendsFile,
  readBackendsFile,
} from '../../src/fleet/source/read-backends-file.ts'

describe('a file of backends', () => {
  test('has one server per line, with settings and comments', () => {
    const text = '# ours\nredis://a:1 weight=2 zone=z id=x\n\n  b:2   # bare\r\n'
    expect(parseBackendsFile(text, 'f')).toEqual([
      { url: 'redis://a:1', weight: 2, zone: 'z', id: 'x' },
      { url: 'b:2' },
    ])
  })

  test('is refused with the line that is wrong', () => {
    for (const setting of ['weight=0', 'weight=1001', 'weight=x', 'wait=1', 'id=', 'weight'])
      expect(() => parseBackendsFile(`a:1\nb:2 ${setting}`, 'f')).toThrow(/^f:2: .*allowed/)
  })

  test('may have a megabyte and not one byte more', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ringway-backends-'))
    const file = join(folder, 'backends')
    try {
      await writeFile(file, `a:1\n${' '.repeat(BACKENDS_FILE_BYTES_MAX - 4)}`)
      expect(await readBackendsFile(file)).toEqual([{ url: 'a:1' }])
      await truncate(file, BACKENDS_FILE_BYTES_MAX + 1)
      await expect(readBackendsFile(file)).rejects.toThrow('1048577 bytes; allowed')
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
