import { formatHostPort } from '../../config/address.ts'
import { loadOptions } from '../../config/load.ts'
import { resolveConfig } from '../../config/resolve.ts'
import { createLogger } from '../../logger.ts'
import { createNode, type RingwayNode } from '../../node.ts'
import { optionsFromFlags, type StartFlags, withDaemonDefaults } from '../flags.ts'
import { stopRequest } from '../stop-request.ts'

/** `ringway start`: one node, until a signal or, for a node of `ringway up`, until its parent is gone. */
export async function start(flags: StartFlags): Promise<number> {
  const options = withDaemonDefaults(
    loadOptions({
      ...(flags.config === undefined ? {} : { file: flags.config }),
      environment: process.env,
      flags: optionsFromFlags(flags),
    }),
    flags,
    process.env,
  )
  const config = resolveConfig(options, flags.config ?? 'options')
  const log = createLogger(config.logLevel, config.name)
  const stop = new AbortController()
  let leave = (_reason: string) => {}
  const left = new Promise<string>((resolve) => {
    leave = resolve
  })
  const stopped = Promise.race([stopRequest(), left])
  void stopped.then(() => stop.abort())

  const node = await createNode(options, {
    log,
    signal: stop.signal,
    source: flags.config ?? 'options',
    onLeave: () => leave('an operator asked it to leave'),
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

/** `ringway ready name=… gossip=… peer=… admin=… redis=…`: one line for people and scripts. */
function readyLine(node: RingwayNode): string {
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
