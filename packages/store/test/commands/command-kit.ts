import type { Current, StoreCommand } from '../../src/core/commands/store-command.ts'
import { findStoreCommand } from '../../src/core/commands/store-commands.ts'

/** One byte per character. */
export const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))
export const text = (reply: Uint8Array): string => Buffer.from(reply).toString('latin1')

/** The command of a name that must exist. */
export function commandOf(name: string): StoreCommand {
  const command = findStoreCommand(name)
  if (command === undefined) throw new Error(`no command ${name}`)
  return command
}

/** Keys and what they hold, changed as outcomes say: the smallest host that commands can have. */
export class CommandHost {
  now: number
  resp: 2 | 3 = 2
  private readonly entries = new Map<string, Current>()

  constructor(now: number) {
    this.now = now
  }

  entry(key: string): Current | undefined {
    const found = this.entries.get(key)
    return found !== undefined && found.expireAt > 0 && found.expireAt <= this.now
      ? undefined
      : found
  }

  run(args: readonly Uint8Array[]): string {
    const key = text(args[1] as Uint8Array)
    const command = commandOf(text(args[0] as Uint8Array))
    const current = this.entry(key)
    const outcome = command.run(args, current, this.now, this.resp)
    if (command.access === 'read' && outcome.type !== 'reply') throw new Error('a read that writes')
    switch (outcome.type) {
      case 'reply':
        break
      case 'remove':
        if (current === undefined) throw new Error('removes what is not there')
        this.entries.delete(key)
        break
      case 'write':
        if (outcome.expireAt !== 0 && outcome.expireAt <= this.now)
          throw new Error('writes the dead')
        this.entries.set(key, { value: outcome.value.slice(), expireAt: outcome.expireAt })
    }
    return text(outcome.reply)
  }

  /** Runs a command written with spaces; `""` is the empty argument. */
  say(line: string): string {
    return this.run(line.split(' ').map((word) => bytes(word === '""' ? '' : word)))
  }
}
