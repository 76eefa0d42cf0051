/**
 * Resolves with the reason when this process is asked to stop: by one of these signals, or because the process that
 * started it with a channel (`ringway up`, a test) is gone, however that ended. A second signal ends it at once.
 */
export function stopRequest(signals: readonly NodeJS.Signals[]): Promise<string> {
  return new Promise((resolve) => {
    let isAsked = false
    const ask = (reason: string) => {
      if (isAsked) process.exit(1)
      isAsked = true
      resolve(reason)
    }
    for (const signal of signals) process.on(signal, () => ask(signal))
    if (!process.channel) return
    // The channel alone must not keep a process running that has nothing left to do.
    process.channel.unref()
    process.once('disconnect', () => ask('the process that started this one is gone'))
  })
}
