import { connected } from './programs.ts'

/** What is asked in one write, and all that has to come back before the next one. */
export interface Exchange {
  readonly ask: string
  readonly expect: string
}

const ANSWER_MS_MAX = 10_000

/** Asks one after the other on one connection; `judge` hears of each answer. */
export async function exchange(
  port: number,
  exchanges: readonly Exchange[],
  judge: (right: boolean, said: string) => void,
): Promise<void> {
  const socket = await connected(port)
  try {
    for (const { ask, expect } of exchanges) {
      const said = await new Promise<string>((resolve, reject) => {
        const pieces: Buffer[] = []
        let bytes = 0
        const end = (error?: Error) => {
          clearTimeout(timer)
          socket.removeAllListeners()
          if (error === undefined) resolve(Buffer.concat(pieces).toString('latin1'))
          else reject(error)
        }
        const timer = setTimeout(() => end(), ANSWER_MS_MAX)
        socket.on('error', end)
        socket.on('close', () => end())
        socket.on('data', (piece) => {
          pieces.push(piece)
          bytes += piece.length
          if (bytes >= expect.length) end()
        })
        socket.write(ask, 'latin1')
      })
      judge(said === expect, said)
    }
  } finally {
    socket.destroy()
  }
}
