import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

/**
 * The text of a regular file of at most `bytesMax` bytes.
 * @throws Error of the system, or one that says why the file is not read
 */
export async function readSmallFile(path: string, bytesMax: number): Promise<string> {
  // A pipe in its place must not make anybody wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw new Error('it is not a regular file')
    if (stat.size > bytesMax) throw new Error(`it has ${stat.size} bytes, at most ${bytesMax}`)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(stat.size), 0, stat.size, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await file.close()
  }
}
