import { formatHostPort } from '../../config/address.ts'
import { loadOptions } from '../../config/load.ts'
import { resolveConfig } from '../../config/resolve.ts'
import { createLogger } from '../../logger.ts'
import { createNode, type RingwayNode } from '../../node.ts'
import { optionsFromFlags, type StartFlags, withDaemonDefaults } from '../flags.ts'

/** `ringway start`: one node, until a signal or, for a node of `ringway up`, until its parent is gone. */
export async function start(flags: StartFlags): Promise<number> {
  const options = withDaemonDefaults(
    loadOptions({
      ...(flags.config === undefined ? {} : { file: flags.config }),
      environment: process.env,
      flags: optionsFromFlags(flags),
    }),
    flags,
  )
  const config = resolveConfig(options, flags.config ?? 'options')
  const log = createLogger(config.logLevel, config.name)
  const stop = new AbortController()
  const stopped = stopRequest(stop)

  const node = await createNode(options, {
    log,
    signal: stop.signal,
    source: flags.config ?? 'options',
  }).catch((error) => {
    if (stop.signal.aborted) return undefined
    throw error
  })
  if (!node) return 0
  console.log(readyLine(node))
  log.info({ reason: await stopped }, 'stopping')
  await node.close()
  log.info('stopped')
  return 0
}

/** Resolves with the reason when the process is asked to stop; a second signal ends it at once. */
function stopRequest(stop: AbortController): Promise<string> {
  return new Promise((resolve) => {
    const request = (reason: string) => {
      if (stop.signal.aborted) process.exit(1)
      stop.abort()
      resolve(reason)
    }
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => request(signal))
    if (process.channel) {
      process.channel.unref()
      process.once('disconnect', () => request('the process that started this node is gone'))
    }
  })
}

/** `ringway ready name=… gossip=… peer=… admin=… redis=…`: one line for people and scripts. */
export function readyLine(node: RingwayNode): string {
  const { gossip, peer, admin, listeners } = node.addresses
  const parts = [
    `name=${node.name}`,
    `gossip=${formatHostPort(gossip)}`,
    `peer=${formatHostPort(peer)}`,
    ...(admin ? [`admin=${formatHostPort(admin)}`] : []),
    ...listeners.map(({ protocol, address }) => `${protocol}=${formatHostPort(address)}`),
  ]
  return `ringway ready ${parts.join(' ')}`
}
