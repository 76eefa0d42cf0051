import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { VALUE_BYTES_MAX } from '../../src/core/table/limits.ts'
import { seededRandom } from '../table/table-kit.ts'
import { bytes, CommandHost, text } from './command-kit.ts'

const installed = spawnSync('redis-server', ['--version']).status === 0
const mustRun = process.env['CI'] === 'true'
if (!installed && !mustRun) process.stderr.write('skipped: redis-server is not installed\n')

const COMMANDS_PER_SEQUENCE = 400
const SEQUENCES = 20
/** Between our reading of the clock and the server's. */
const TOLERANCE_MS = 20_000

let server: ChildProcess | undefined
let serverPort = 0
let socket: Socket
let received = Buffer.alloc(0)
let wake = (): void => {}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

async function startServer(): Promise<void> {
  const port = await freePort()
  const limits = ['--proto-max-bulk-len', `${VALUE_BYTES_MAX}`]
  const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', ...limits]
  const child = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] })
  server = child
  await new Promise<void>((resolve, reject) => {
    let log = ''
    child.on('error', reject)
    child.on('exit', () => reject(new Error(`redis-server ended: ${log}`)))
    child.stdout?.on('data', (chunk: Buffer) => {
      log += chunk.toString()
      if (log.includes('Ready to accept connections')) resolve()
    })
  })
  serverPort = port
}

/** A connection of its own for each test, so that none sees the replies that another left. */
async function connectClient(): Promise<void> {
  received = Buffer.alloc(0)
  socket = connect(serverPort, '127.0.0.1')
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk])
    wake()
  })
  await once(socket, 'connect')
}

/** The next whole reply: a line, or a bulk string. */
function takeReply(): string | undefined {
  const end = received.indexOf('\r\n')
  if (end < 0) return undefined
  const length = received[0] === 36 ? Number(received.subarray(1, end).toString()) : -1
  const total = end + 2 + (length < 0 ? 0 : length + 2)
  if (received.length < total) return undefined
  const reply = received.subarray(0, total).toString('latin1')
  received = received.subarray(total)
  return reply
}

async function nextReply(): Promise<string> {
  for (;;) {
    const reply = takeReply()
    if (reply !== undefined) return reply
    await new Promise<void>((resolve) => {
      wake = resolve
    })
  }
}

function encode(args: readonly Uint8Array[]): Buffer {
  const parts = [Buffer.from(`*${args.length}\r\n`)]
  for (const arg of args)
    parts.push(Buffer.from(`$${arg.length}\r\n`), Buffer.from(arg), Buffer.from('\r\n'))
  return Buffer.concat(parts)
}

async function ask(...args: string[]): Promise<string> {
  socket.write(encode(args.map(bytes)))
  return nextReply()
}

const INT64_LARGEST = '9223372036854775807'
const NUMBERS = [
  '0',
  '1',
  '-1',
  '7',
  '42',
  '-5',
  '100',
  '9223372036854775807',
  '-9223372036854775808',
  '9223372036854775808',
  '9007199254740991',
  '9007199254740993',
  '-9007199254740993',
  '3.14',
  '1e3',
  'abc',
  '',
  ' 12',
  '12 ',
  '012',
  '-0',
  '+5',
  '5.0e-3',
  '0x1p3',
  '0x1.8',
  '0x',
  'inf',
  '-inf',
  'nan',
  '10.5',
  '0.1',
  '-0.1',
  '0.30000000000000004',
  '1e-20',
  '1e-17',
  '5e-18',
  '12345678901234567890.5',
  '1e4932',
  '1.18e4932',
  '1e-4940',
  '1e-4960',
  '.5',
  '5.',
  '.',
  'e5',
  '1e',
  '1e+2',
  '--1',
  '99999999999999999999999',
]
const OFFSETS = [
  '0',
  '1',
  '2',
  '5',
  '-1',
  '-2',
  '-5',
  '30',
  '-30',
  '100',
  'x',
  '9223372036854775807',
  '-9223372036854775808',
]
const EXPIRE_OPTIONS = ['NX', 'xx', 'GT', 'lt', 'bad']

type Random = (bound: number) => number
const pick = (random: Random, from: readonly string[]): string => from[random(from.length)] ?? ''

/** Numbers that are times of a distant past, or none. Redis keeps times up to 2^63 ms, which we refuse beyond 2^53. */
function oddTimes(largest: boolean): readonly string[] {
  return NUMBERS.filter(
    (n) => !/^\d{1,3}$/.test(n) && !n.startsWith('900') && (largest || n !== INT64_LARGEST),
  )
}

function timeFor(random: Random, relative: boolean, unitMs: number, base: number): string {
  const kind = random(12)
  if (kind === 0) return pick(random, oddTimes(relative || unitMs > 1))
  if (kind === 1) return pick(random, ['0', '-1', '-100000'])
  // Far apart and in the future, so that neither clock nor order decides. Absolute times meet, relative ones must not.
  if (relative) return `${Math.floor((1e6 + random(1e9)) * (1000 / unitMs))}`
  return `${Math.floor((base + (1 + random(6)) * 5_000_000) / unitMs) + (unitMs === 1 ? random(3) : 0)}`
}

function setTail(random: Random, base: number, words: readonly string[]): string[] {
  const tail: string[] = []
  while (random(2) === 0 && tail.length < 6) {
    const word = pick(random, words)
    tail.push(random(2) === 0 ? word : word.toLowerCase())
    if (['EX', 'PX', 'EXAT', 'PXAT'].includes(word)) {
      const unitMs = word.startsWith('E') ? 1000 : 1
      if (random(15) > 0) tail.push(timeFor(random, !word.endsWith('AT'), unitMs, base))
    }
  }
  return tail
}

const someValue = (random: Random): string =>
  random(2) === 0
    ? pick(random, NUMBERS)
    : Array.from({ length: random(40) }, () => String.fromCharCode(random(256))).join('')

const someFloat = (random: Random): string =>
  random(3) === 0
    ? pick(random, NUMBERS)
    : `${random(2) === 0 ? '-' : ''}${random(10 ** random(10))}.${random(1e9)}${random(4) === 0 ? `e${random(60) - 30}` : ''}`

/** The arguments that each command may get after its key. */
const ARGUMENTS: Readonly<Record<string, (random: Random, base: number) => readonly string[]>> = {
  GET: () => [],
  SET: (r, base) => [
    someValue(r),
    ...setTail(r, base, ['NX', 'XX', 'GET', 'KEEPTTL', 'EX', 'PX', 'EXAT', 'PXAT', 'PERSIST']),
  ],
  SETNX: (r) => [someValue(r)],
  SETEX: (r, base) => [timeFor(r, true, 1000, base), someValue(r)],
  PSETEX: (r, base) => [timeFor(r, true, 1, base), someValue(r)],
  GETSET: (r) => [someValue(r)],
  GETDEL: () => [],
  GETEX: (r, base) => setTail(r, base, ['PERSIST', 'EX', 'PX', 'EXAT', 'PXAT', 'NX']),
  APPEND: (r) => [someValue(r)],
  STRLEN: () => [],
  GETRANGE: (r) => [pick(r, OFFSETS), pick(r, OFFSETS)],
  SUBSTR: (r) => [pick(r, OFFSETS), pick(r, OFFSETS)],
  SETRANGE: (r) => [pick(r, OFFSETS), someValue(r)],
  INCR: () => [],
  DECR: () => [],
  INCRBY: (r) => [pick(r, NUMBERS)],
  DECRBY: (r) => [pick(r, NUMBERS)],
  INCRBYFLOAT: (r) => [someFloat(r)],
  DEL: () => [],
  UNLINK: () => [],
  EXISTS: () => [],
  TOUCH: () => [],
  TYPE: () => [],
  EXPIRE: (r, base) => [timeFor(r, true, 1000, base), ...options(r)],
  PEXPIRE: (r, base) => [timeFor(r, true, 1, base), ...options(r)],
  EXPIREAT: (r, base) => [timeFor(r, false, 1000, base), ...options(r)],
  PEXPIREAT: (r, base) => [timeFor(r, false, 1, base), ...options(r)],
  TTL: () => [],
  PTTL: () => [],
  EXPIRETIME: () => [],
  PEXPIRETIME: () => [],
  PERSIST: () => [],
  GETBIT: (r) => [pick(r, OFFSETS)],
  SETBIT: (r) => [pick(r, OFFSETS.slice(0, -2)), pick(r, ['0', '1', '2', 'x', '01'])],
  BITCOUNT: (r) =>
    r(3) === 0
      ? []
      : [
          pick(r, OFFSETS),
          pick(r, OFFSETS),
          ...(r(2) === 0 ? [] : [pick(r, ['BIT', 'byte', 'no'])]),
        ],
}
const NAMES = Object.keys(ARGUMENTS)

function options(random: Random): string[] {
  const chosen: string[] = []
  while (random(2) === 0 && chosen.length < 3) chosen.push(pick(random, EXPIRE_OPTIONS))
  return chosen
}

/** Replies are equal, or times that differ by no more than the clocks. */
function agree(name: string, ours: string, theirs: string): boolean {
  if (ours === theirs) return true
  if (!/^P?(TTL|EXPIRETIME)$/.test(name)) return false
  const [a, b] = [Number(ours.slice(1)), Number(theirs.slice(1))]
  return a > 0 && b > 0 && Math.abs(a - b) <= TOLERANCE_MS / (name.startsWith('P') ? 1 : 1000)
}

describe.skipIf(!installed && !mustRun)('beside a real Redis', () => {
  beforeAll(startServer)
  beforeEach(connectClient)
  afterEach(() => {
    socket.destroy()
  })
  afterAll(() => {
    server?.removeAllListeners('exit')
    server?.kill('SIGKILL')
  })

  for (const resp of [2, 3] as const) {
    it(`random commands get equal replies in RESP${resp}`, { timeout: 120_000 }, async () => {
      if (resp === 3) await helloThree()
      const counts = new Map<string, number>()
      for (let seed = resp * 1000; seed < resp * 1000 + SEQUENCES; seed++)
        await sequence(seed, resp, counts)
      // A comparison that never met a command proves nothing about it.
      for (const name of NAMES) expect(counts.get(name), name).toBeGreaterThan(50)
    })
  }

  it('values of the longest length get equal replies', async () => {
    await ask('FLUSHALL')
    const host = new CommandHost(Date.now())
    for (const line of [
      `SETRANGE k ${VALUE_BYTES_MAX - 2} a`,
      'APPEND k b',
      'APPEND k c',
      `SETRANGE k ${VALUE_BYTES_MAX} d`,
      `SETBIT k ${VALUE_BYTES_MAX * 8 - 1} 1`,
      `SETBIT k ${VALUE_BYTES_MAX * 8} 1`,
      'STRLEN k',
      'BITCOUNT k -10 -1',
      'DEL k',
    ]) {
      expect(host.say(line), line).toBe(await ask(...line.split(' ')))
    }
  })
})

/** The reply to HELLO is a map of seven pairs, one of them an empty array: fifteen frames, none of them kept. */
async function helloThree(): Promise<void> {
  socket.write(encode(['HELLO', '3'].map(bytes)))
  for (let frames = 0; frames < 15; frames++) await nextReply()
}

async function sequence(seed: number, resp: 2 | 3, counts: Map<string, number>): Promise<void> {
  expect(await ask('FLUSHALL')).toBe('+OK\r\n')
  const random = seededRandom(seed)
  const base = Math.floor(Date.now() / 1000) * 1000
  const host = new CommandHost(Date.now())
  host.resp = resp
  const commands = Array.from({ length: COMMANDS_PER_SEQUENCE }, () => {
    const name = pick(random, NAMES)
    counts.set(name, (counts.get(name) ?? 0) + 1)
    return [name, `k${random(4)}`, ...(ARGUMENTS[name]?.(random, base) ?? [])]
  })
  socket.write(Buffer.concat(commands.map((args) => encode(args.map(bytes)))))
  for (const [at, args] of commands.entries()) {
    const theirs = await nextReply()
    const ours = host.run(args.map(bytes))
    if (!agree(args[0] ?? '', ours, theirs)) {
      expect(text(bytes(ours)), `seed ${seed}, command ${at}: ${JSON.stringify(args)}`).toBe(theirs)
    }
  }
}
