import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { NodeError } from '../errors.ts'
import { MEMBER_ACTIONS } from '../fleet/member-action.ts'
import { VERSION } from '../version.ts'
import { addBackend, changeBackend, weighBackend } from './commands/backend.ts'
import { checkConfigFile } from './commands/config-check.ts'
import { printEvents } from './commands/events.ts'
import { importFile } from './commands/import.ts'
import { printKey } from './commands/keygen.ts'
import { printLookup } from './commands/lookup.ts'
import { actOnMember } from './commands/member-action.ts'
import { printMembers } from './commands/members.ts'
import { printPlan } from './commands/plan.ts'
import { reloadNode } from './commands/reload.ts'
import { printRing } from './commands/ring.ts'
import { start } from './commands/start.ts'
import { up } from './commands/up.ts'

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent']

/** Exit codes: 0 done, 1 it failed, 2 the command line or the configuration is wrong. */
const EXIT_FAILED = 1
const EXIT_USAGE = 2
const USAGE_CODES = new Set(['CONFIG_INVALID', 'CONFIG_UNREADABLE', 'IMPORT_INVALID', 'INSECURE'])

/** Runs one command line and returns its exit code; prints errors as one plain message on stderr. */
export async function runCli(argv: readonly string[]): Promise<number> {
  let exitCode = 0
  const program = createProgram((code) => {
    exitCode = code
  })
  try {
    await program.parseAsync([...argv], { from: 'user' })
    return exitCode
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE
    if (!(error instanceof NodeError)) throw error
    console.error(`ringway: ${error.message}`)
    return USAGE_CODES.has(error.code) ? EXIT_USAGE : EXIT_FAILED
  }
}

function createProgram(exitWith: (code: number) => void): Command {
  const program = new Command('ringway')
    .description('Consistent-hashing cache and session router with cluster membership')
    .version(VERSION, '-v, --version')
    .exitOverride()
    .showHelpAfterError('(ringway --help lists the commands and their options)')
    .enablePositionalOptions()
  addUp(program, exitWith)
  addStart(program, exitWith)
  addQueries(program)
  addRings(program)
  addMemberActions(program)
  addBackendChanges(program)
  program
    .command('keygen')
    .description('print a new cluster key for gossip.encrypt')
    .action(printKey)
  program
    .command('import')
    .argument('<file>', "nutcracker's YAML, or mcrouter's JSON")
    .description('turn the configuration of another router into ours, keys where they are')
    .option('--output <file>', 'write the configuration there (default: stdout)')
    .option('--keys <n>', 'keys to compare the placements by', integer(1, 1_000_000), 10_000)
    .action((file, options) => exitWith(importFile(file, options)))
  program
    .command('config')
    .description('work on configuration files')
    .command('check')
    .argument('<file>', 'YAML file')
    .description('check a configuration file and say what is wrong with it')
    .action(checkConfigFile)
  return program
}

function addUp(program: Command, exitWith: (code: number) => void): void {
  program
    .command('up')
    .description('start a local cluster, one process per node, and keep it until Ctrl-C')
    .option('--nodes <n>', 'number of nodes', integer(1, 50), 3)
    .option('--replicas <n>', 'members that hold each key', integer(1, 8), 2)
    .option('--base-port <port>', 'first port; every node takes ten', integer(1, 65_000), 7400)
    .option(
      '--redis-backends <host:port,…>',
      'route to these Redis servers instead of the embedded store',
      list,
    )
    .addOption(
      new Option('--log-level <level>', 'least severe log line of the nodes')
        .choices(LOG_LEVELS)
        .default('error'),
    )
    .action(async (options) => exitWith(await up(options)))
}

function addStart(program: Command, exitWith: (code: number) => void): void {
  program
    .command('start')
    .description('run one node; prints one line `ringway ready …` when it serves')
    .option('--config <file>', 'YAML configuration; flags and RINGWAY_… variables win over it')
    .option('--name <name>', 'unique member name (default: the host name)')
    .option(
      '--gossip <host:port>',
      'UDP and TCP address of the membership protocol (default: 127.0.0.1:7946)',
    )
    .option('--join <host:port,…>', 'seeds to join through', list)
    .option(
      '--snapshot <file>',
      'file that keeps the known peers over restarts (default: in the state folder of the user)',
    )
    .option('--no-snapshot', 'forget the known peers at each stop')
    .option('--advertise <host[:port]>', 'address told to the other members')
    .option('--redis <host:port>', 'Redis listener (default: 127.0.0.1:6380)')
    .option(
      '--memcached <host:port>',
      'memcached listener (default with a memcached pool: 127.0.0.1:11311)',
    )
    .option('--admin <host:port>', 'admin API, health and metrics (default: 127.0.0.1:7900)')
    .option('--peer <host:port>', 'links between members (default: gossip host, gossip port + 1)')
    .option('--encrypt <key>', 'cluster key, base64; `ringway keygen` makes one')
    .option('--insecure', 'allow gossip and peer links beyond this machine without a key')
    .option('--label <text>', 'label of the gossip cluster')
    .addOption(
      new Option(
        '--delegate <kind>',
        'share a gossip cluster with plain memberlist or Serf',
      ).choices(['plain', 'serf']),
    )
    .option('--zone <zone>', 'failure zone of this node')
    .option('--weight <weight>', 'share of the ring', number)
    .option('--replicas <n>', 'members that hold each key of the store pool', integer(1, 8))
    .option(
      '--redis-backends <host:port,…>',
      'route to these Redis servers instead of the embedded store',
      list,
    )
    .option(
      '--memcached-backends <host:port,…>',
      'route to these memcached servers instead of the embedded store',
      list,
    )
    .option('--http <host:port>', 'HTTP listener (default with an http pool: 127.0.0.1:8080)')
    .option('--http-backends <host:port,…>', 'balance HTTP requests over these servers', list)
    .addOption(new Option('--profile <name>', 'gossip timings').choices(['lan', 'wan', 'local']))
    .addOption(new Option('--log-level <level>', 'least severe log line').choices(LOG_LEVELS))
    .action(async (options) => exitWith(await start(options)))
}

function addQueries(program: Command): void {
  program
    .command('members')
    .description('list the members that a node knows')
    .option('--admin <url>', 'admin API of a node', 'http://127.0.0.1:7900')
    .option('--token <token>', 'admin.token of that node')
    .option('--json', 'print the API reply')
    .action(printMembers)
  program
    .command('lookup')
    .argument('<key>', 'key to look up')
    .description('say which members or backends own a key')
    .option('--pool <name>', 'pool (default: the first)')
    .option('--admin <url>', 'admin API of a node', 'http://127.0.0.1:7900')
    .option('--token <token>', 'admin.token of that node')
    .option('--json', 'print the API reply')
    .action(printLookup)
}

function addRings(program: Command): void {
  program
    .command('ring')
    .description('show how much of the keys each node of a pool owns')
    .option('--pool <name>', 'pool (default: the first)')
    .option('--admin <url>', 'admin API of a node', 'http://127.0.0.1:7900')
    .option('--token <token>', 'admin.token of that node')
    .option('--json', 'print the API reply')
    .action(printRing)
  program
    .command('plan')
    .description('say what a change of one node would move, before it is made')
    .option('--add <name[:weight]>', 'node that would join')
    .option('--remove <name>', 'node that would leave')
    .option('--pool <name>', 'pool (default: the first)')
    .option('--admin <url>', 'admin API of a node', 'http://127.0.0.1:7900')
    .option('--token <token>', 'admin.token of that node')
    .option('--json', 'print the API reply')
    .action(printPlan)
}

/** The options of every command that asks a node. */
function asking(command: Command): Command {
  return command
    .option('--admin <url>', 'admin API of a node', 'http://127.0.0.1:7900')
    .option('--token <token>', 'admin.token of that node')
}

function addMemberActions(program: Command): void {
  const actions = {
    drain: 'have a member hand its slots over and take no new ones',
    undrain: 'take a drained member back',
    leave: 'have a member hand its slots over, leave the cluster and end',
  } as const
  for (const action of MEMBER_ACTIONS)
    asking(
      program.command(action).argument('<name>', 'member').description(actions[action]),
    ).action((name: string, options) => actOnMember(action, name, options))
  asking(
    program
      .command('reload')
      .description(
        'have a node read its configuration again, as SIGHUP does, and say what changed',
      ),
  )
    .option('--json', 'print the API reply')
    .action(reloadNode)
  asking(program.command('events').description('print what happens on a node, until Ctrl-C'))
    .option('--since <number>', 'only events after this number', integer(0, 2 ** 53 - 1))
    .option('--json', 'print one JSON object per line')
    .action(printEvents)
}

function addBackendChanges(program: Command): void {
  const backend = program
    .command('backend')
    .description('change the backends of a pool at run time, on all members')
  const changing = (name: string, description: string) =>
    asking(backend.command(name).argument('<pool>', 'pool').description(description)).option(
      '--json',
      'print the API reply',
    )
  changing('add', 'add a backend')
    .argument('<url>', 'where it is, such as redis://10.0.0.5:6379')
    .option('--id <id>', 'ring id (default: its host:port)')
    .option('--weight <weight>', 'share of the ring', number)
    .option('--zone <zone>', 'zone of the backend')
    .action(addBackend)
  const changes = {
    remove: 'remove a backend: its keys go to the next owners',
    drain: 'send no new sessions and keys to a backend; bound sessions stay',
    undrain: 'take a drained backend back',
    reset: 'forget what was changed: back to what the file says',
  } as const
  for (const action of ['remove', 'drain', 'undrain', 'reset'] as const)
    changing(action, changes[action])
      .argument('<id>', 'ring id of the backend')
      .action((pool: string, id: string, options) => changeBackend(action, pool, id, options))
  changing('weight', 'change the share of a backend')
    .argument('<id>', 'ring id of the backend')
    .argument('<weight>', 'share of the ring relative to the others')
    .action(weighBackend)
}

function integer(low: number, high: number) {
  return (text: string): number => {
    const value = Number(text)
    if (!Number.isInteger(value) || value < low || value > high)
      throw new InvalidArgumentError(`allowed: an integer from ${low} to ${high}.`)
    return value
  }
}

function number(text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('allowed: a number above 0.')
  return value
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}
