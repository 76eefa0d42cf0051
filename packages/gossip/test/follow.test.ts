import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  createMemberlist,
  type JoinResult,
  type Memberlist,
  type MemberlistOptions,
} from '../src/index.ts'
import { SEED_FILE_BYTES_MAX, SEEDS_MAX } from '../src/net/limits.ts'
import { readSeedFile } from '../src/net/seed-file.ts'

const WAIT = { timeout: 20_000, interval: 20 }
/** Longer than any of these tests: then only a change can be the reason. */
const NEVER_MS = 3_600_000

const made: Memberlist[] = []
let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'follow-'))
})
afterEach(async () => {
  await Promise.all(made.splice(0).map((list) => list.close()))
  await rm(folder, { recursive: true, force: true })
})

async function create(name: string, options: Partial<MemberlistOptions> = {}): Promise<Memberlist> {
  const list = await createMemberlist({
    name,
    bind: { host: '127.0.0.1', port: 0 },
    profile: 'local',
    tags: { v: '1', i: name },
    ...options,
  })
  made.push(list)
  return list
}
const seed = (list: Memberlist) => `127.0.0.1:${list.bound.port}`
const knows = (list: Memberlist, name: string) =>
  vi.waitFor(() => expect(list.member(name)?.state).toBe('alive'), WAIT)

describe('seeds that are followed', () => {
  it('come from a function that is asked again', async () => {
    const [a, b] = [await create('a'), await create('b')]
    let seeds: string[] = []
    a.follow(async () => seeds, { refreshMs: 100 })
    seeds = [seed(b)]
    await knows(a, 'b')
  })

  it('come from DNS that is asked again', async () => {
    const b = await create('b')
    let addresses: string[] = []
    const resolver = {
      addresses: async () => addresses,
      srv: async () => [{ host: 'x', port: b.bound.port }],
    }
    const [a, c] = [await create('a', { resolver }), await create('c', { resolver })]
    a.follow([`dns:cluster.test:${b.bound.port}`], { refreshMs: 100 })
    c.follow(['srv:_gossip._udp.test'], { refreshMs: 100 })
    addresses = ['127.0.0.1']
    await knows(a, 'b')
    await knows(c, 'b')
  })

  it('come from a file, which is read again when it is written or replaced', async () => {
    const [a, b, c] = [await create('a'), await create('b'), await create('c')]
    const path = join(folder, 'seeds')
    const rounds: JoinResult[] = []
    a.follow([`file:${path}`], { refreshMs: NEVER_MS, onRound: (round) => rounds.push(round) })
    await vi.waitFor(() => expect(rounds).toHaveLength(1), WAIT)
    expect(rounds[0]?.errors).toEqual([
      {
        seed: `file:${path}`,
        error: expect.objectContaining({
          code: 'GOSSIP_SEED_UNRESOLVED',
          details: { file: path, system: 'ENOENT' },
        }),
      },
    ])
    await writeFile(path, `# seeds of the test\n\n  ${seed(b)}  # the first\n`)
    await knows(a, 'b')
    await writeFile(`${path}.new`, `${seed(c)}\r\nnonsense:port\n`)
    await rename(`${path}.new`, path)
    await knows(a, 'c')
    expect(rounds.at(-1)?.errors).toEqual([
      { seed: 'nonsense:port', error: expect.objectContaining({ code: 'GOSSIP_SEED_INVALID' }) },
    ])
  })

  it('come from a source that says when they changed', async () => {
    const [a, b] = [await create('a'), await create('b')]
    let tell = () => {}
    let isReleased = false
    const seeds: string[] = []
    const source = {
      seeds: () => seeds,
      onChange: (listener: () => void) => {
        tell = listener
        return () => {
          isReleased = true
        }
      },
    }
    a.follow(source, { refreshMs: NEVER_MS })
    seeds.push(seed(b))
    tell()
    await knows(a, 'b')
    await a.close()
    await vi.waitFor(() => expect(isReleased).toBe(true), WAIT)
  })

  it('bring two clusters together that started apart', async () => {
    const lists = [await create('a'), await create('b'), await create('c'), await create('d')]
    const [a, b, c, d] = lists as [Memberlist, Memberlist, Memberlist, Memberlist]
    await b.join([seed(a)])
    await d.join([seed(c)])
    d.follow([seed(a)], { refreshMs: 100 })
    await Promise.all(
      lists.flatMap((list) => ['a', 'b', 'c', 'd'].map((name) => knows(list, name))),
    )
  })

  it('are not asked while they are living members', async () => {
    // Otherwise a push/pull that is due would be a stream, too.
    const tuning = { pushPullIntervalMs: 0 }
    const [a, b] = [await create('a', { tuning }), await create('b', { tuning })]
    await a.join([seed(b)])
    const before = b.stats().streamsIn
    let rounds = 0
    a.follow([seed(b)], {
      refreshMs: 100,
      onRound: ({ joined }) => {
        rounds += 1
        expect(joined).toBe(0)
      },
    })
    await vi.waitFor(() => expect(rounds).toBeGreaterThan(3), WAIT)
    expect(b.stats().streamsIn).toBe(before)
  })

  it('are asked again after a function failed or kept silent', async () => {
    const logs: string[] = []
    const [a, b] = [
      await create('a', { log: (_level, _message, details) => logs.push(JSON.stringify(details)) }),
      await create('b'),
    ]
    let calls = 0
    a.follow(
      () => {
        calls += 1
        if (calls === 1) throw new Error('out of order')
        return calls === 2 ? new Promise(() => {}) : [seed(b)]
      },
      { refreshMs: 100 },
    )
    await knows(a, 'b')
    expect(logs.join()).toMatch(/out of order.*discovery of seeds/)
  })

  it('end with the signal', async () => {
    const a = await create('a')
    const stop = new AbortController()
    let calls = 0
    a.follow(
      () => {
        calls += 1
        stop.abort()
        return []
      },
      { refreshMs: 100, signal: stop.signal },
    )
    await vi.waitFor(() => expect(calls).toBe(1), WAIT)
    a.follow(() => [], { refreshMs: 100 })
    expect(() => a.follow([], { refreshMs: 99 })).toThrow(/100/)
  })
})

describe('a file of seeds', () => {
  it('has at most its maximum of seeds and bytes', async () => {
    const path = join(folder, 'seeds')
    const lines = Array.from({ length: SEEDS_MAX }, (_, index) => `host-${index}`)
    await writeFile(path, lines.join('\n').padEnd(SEED_FILE_BYTES_MAX, '\n'))
    expect(await readSeedFile(path)).toEqual(lines)
    await writeFile(path, [...lines, 'one-more'].join('\n'))
    await expect(readSeedFile(path)).rejects.toMatchObject({ code: 'GOSSIP_LIMIT' })
    await writeFile(path, '\n'.repeat(SEED_FILE_BYTES_MAX + 1))
    await expect(readSeedFile(path)).rejects.toMatchObject({ code: 'GOSSIP_SEED_UNRESOLVED' })
  })

  it('does not name other files', async () => {
    const path = join(folder, 'seeds')
    await writeFile(path, `file:${path}\n`)
    const a = await create('a')
    expect((await a.join([`file:${path}`])).errors).toEqual([
      { seed: `file:${path}`, error: expect.objectContaining({ code: 'GOSSIP_SEED_INVALID' }) },
    ])
  })
})
