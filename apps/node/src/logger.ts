import { type Logger, pino } from 'pino'
import type { LogLevel } from './config/config.ts'

export type { Logger }

/** JSON lines on stderr, so that stdout stays for what a person or a script reads. Secrets never reach a log. */
export function createLogger(level: LogLevel, name: string): Logger {
  return pino(
    {
      level,
      base: { node: name },
      redact: {
        paths: [
          'token',
          'key',
          'keys',
          'encrypt',
          '*.token',
          '*.key',
          '*.keys',
          '*.encrypt',
          'req.headers.authorization',
        ],
        censor: '[secret]',
      },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    pino.destination({ dest: 2, sync: true }),
  )
}
