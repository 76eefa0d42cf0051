import { formatHostPort } from '../../config/address.ts'
import type { NodeConfig } from '../../config/config.ts'
import { loadOptions } from '../../config/load.ts'
import { withLines } from '../../config/locate.ts'
import type { NodeOptions } from '../../config/options.ts'
import { resolveConfig } from '../../config/resolve.ts'
import { createLogger } from '../../logger.ts'
import { createNode, type RingwayNode } from '../../node.ts'
import { optionsFromFlags, type StartFlags, withDaemonDefaults } from '../flags.ts'
import { reloadLine } from '../reload-line.ts'
import { ReloadRequests } from '../reload-requests.ts'
import { stopRequest } from '../stop-request.ts'

/** `ringway start`: one node, until a signal or, for a node of `ringway up`, until its parent is gone. */
export async function start(flags: StartFlags): Promise<number> {
  const readOptions = () => readStartOptions(flags)
  const options = readOptions()
  const config = resolved(options, flags.config)
  const log = createLogger(config.logLevel, config.name)
  const stop = new AbortController()
  let leave = (_reason: string) => {}
  const left = new Promise<string>((resolve) => {
    leave = resolve
  })
  const stopped = Promise.race([stopRequest(['SIGTERM', 'SIGINT']), left])
  void stopped.then(() => stop.abort())
  // Whoever asks before the node serves is heard when it does.
  const reloads = new ReloadRequests()

  const node = await createNode(options, {
    log,
    signal: stop.signal,
    source: flags.config ?? 'options',
    readOptions,
    onLeave: () => leave('an operator asked it to leave'),
  }).catch((error) => {
    if (stop.signal.aborted) return undefined
    throw error
  })
  if (!node) return 0
  console.log(readyLine(node))
  reloads.serve(() => reload(node, flags.config))
  log.info({ reason: await stopped }, 'stopping')
  await node.close()
  log.info('stopped')
  return 0
}

function readStartOptions(flags: StartFlags): NodeOptions {
  const { config } = flags
  const environment = process.env
  const given = optionsFromFlags(flags)
  const file = config === undefined ? {} : { file: config }
  return withDaemonDefaults(loadOptions({ ...file, environment, flags: given }), flags, environment)
}

/** @throws NodeError with the lines of the file */
function resolved(options: NodeOptions, file: string | undefined): NodeConfig {
  try {
    return resolveConfig(options, file ?? 'options')
  } catch (error) {
    throw withLines(error, file)
  }
}

/** One line says what came of it, for people and scripts; the log has the same in JSON. */
async function reload(node: RingwayNode, file: string | undefined): Promise<void> {
  try {
    console.log(`ringway reloaded ${reloadLine(await node.reload())}`)
  } catch (error) {
    console.log(`ringway not reloaded: ${(withLines(error, file) as Error).message}`)
  }
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
