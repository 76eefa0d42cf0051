// One member of @ringway/gossip as a process of its own, driven by the JSON lines that memberlist-peer understands: the
// benchmark, the soak runs and the partition test drive both alike. It runs the built package, and ends with its stdin.
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { createMemberlist, SWIM_PROFILES } from '@ringway/gossip'

const { values } = parseArgs({
  options: {
    name: { type: 'string', default: 'member' },
    bind: { type: 'string', default: '127.0.0.1:0' },
    profile: { type: 'string', default: 'local' },
    join: { type: 'string', default: '' },
    keys: { type: 'string', default: '' },
    tuning: { type: 'string', default: '{}' },
  },
})

// Unix milliseconds: all processes of a test share one machine and so one clock.
const tell = (event, more = {}) =>
  process.stdout.write(`${JSON.stringify({ event, t: Date.now(), ...more })}\n`)

const fail = (error) => {
  process.stdout.write(
    `${JSON.stringify({ event: 'fatal', error: String(error?.stack ?? error) })}\n`,
    () => process.exit(1),
  )
}
process.on('uncaughtException', fail)
process.on('unhandledRejection', fail)

const view = ({ name, address, tags, state }) => ({
  name,
  address: `${address.host}:${address.port}`,
  tags,
  state,
})

const colon = values.bind.lastIndexOf(':')
const tuning = JSON.parse(values.tuning)
const list = await createMemberlist({
  name: values.name,
  bind: { host: values.bind.slice(0, colon), port: Number(values.bind.slice(colon + 1)) },
  profile: values.profile,
  tuning,
  tags: { v: '1', i: values.name },
  keys: values.keys === '' ? [] : values.keys.split(',').map((key) => Buffer.from(key, 'base64')),
})

// memberlist tells of the dead and of those who left with one event; so that both sides are counted alike, so do we.
for (const type of ['join', 'update', 'suspect', 'refuted'])
  list.on(type, ({ member }) => tell(type, view(member)))
for (const type of ['fail', 'leave']) list.on(type, ({ member }) => tell('gone', view(member)))
list.on('evicted', (event) => tell('evicted', { from: event.from }))
list.onUser((bytes) => tell('message', { hex: Buffer.from(bytes).toString('hex') }))

tell('ready', {
  name: list.name,
  address: `${list.address.host}:${list.address.port}`,
  timings: { ...SWIM_PROFILES[values.profile], ...tuning },
})

const commands = {
  join: async ({ seeds }) => {
    const { joined, errors } = await list.join(seeds)
    if (joined === 0) throw errors[0]?.error ?? new Error('no seeds')
    return { joined }
  },
  members: () => ({
    members: list
      .members()
      .filter(({ state }) => state === 'alive' || state === 'suspect')
      .map(view),
  }),
  stats: () => ({ stats: list.stats(), health: list.healthScore }),
  leave: () => list.leave(),
}

if (values.join !== '') await commands.join({ seeds: values.join.split(',') })

createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const command = JSON.parse(line)
    try {
      tell('result', { id: command.id, ok: true, ...(await commands[command.do](command)) })
    } catch (error) {
      tell('result', { id: command.id, ok: false, error: String(error) })
    }
  })
  .on('close', () => process.exit(0))
