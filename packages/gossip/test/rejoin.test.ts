import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type Admit,
  createMemberlist,
  type Memberlist,
  type MemberlistOptions,
} from '../src/index.ts'

const WAIT = { timeout: 20_000, interval: 20 }
let folder: string
const made: Memberlist[] = []
let logs: string[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rejoin-'))
  logs = []
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
    log: (level, message, details) =>
      logs.push(`${name} ${level} ${message} ${JSON.stringify(details)}`),
    ...options,
  })
  made.push(list)
  return list
}
const withSnapshot = (name: string, options: Partial<MemberlistOptions> = {}) =>
  create(name, { snapshot: { path: join(folder, `${name}.peers`) }, ...options })
/** The same name at the same address. */
const again = (list: Memberlist) => withSnapshot(list.name, { bind: list.bound })
const seed = (list: Memberlist) => `127.0.0.1:${list.bound.port}`
const living = (list: Memberlist) =>
  list
    .members()
    .filter(({ state }) => state === 'alive')
    .map(({ name }) => name)
    .sort()

describe('a member with a snapshot', () => {
  it('finds its cluster again without a seed', async () => {
    const [a, b, c] = [await withSnapshot('a'), await create('b'), await create('c')]
    await b.join([seed(a)])
    await c.join([seed(a)])
    await vi.waitFor(() => expect(living(a)).toEqual(['a', 'b', 'c']), WAIT)
    await a.leave()
    await a.close()
    await vi.waitFor(() => expect(living(b)).toEqual(['b', 'c']), WAIT)

    const back = await again(a)
    expect(back.remembered().map(({ name }) => name)).toEqual(expect.arrayContaining(['b', 'c']))
    const { errors, joined } = await back.rejoin()
    expect(errors).toEqual([])
    expect(joined).toBeGreaterThanOrEqual(1)
    await vi.waitFor(() => expect(living(b)).toEqual(['a', 'b', 'c']), WAIT)
  })

  it('remembers those who left before it, so that a whole cluster starts again', async () => {
    const [a, b] = [await withSnapshot('a'), await withSnapshot('b')]
    await b.join([seed(a)])
    await vi.waitFor(() => expect(living(a)).toEqual(['a', 'b']), WAIT)
    await a.leave()
    await a.close()
    await vi.waitFor(() => expect(living(b)).toEqual(['b']), WAIT)
    await b.leave()
    await b.close()

    const [newA, newB] = [await again(a), await again(b)]
    await Promise.all([newA.rejoin(), newB.rejoin()])
    await vi.waitFor(() => expect(living(newA)).toEqual(['a', 'b']), WAIT)
    await vi.waitFor(() => expect(living(newB)).toEqual(['a', 'b']), WAIT)
  })

  it('leaves strangers alone that live at a remembered address', async () => {
    const [a, b] = [await withSnapshot('a'), await create('b')]
    await b.join([seed(a)])
    await vi.waitFor(() => expect(living(a)).toEqual(['a', 'b']), WAIT)
    await Promise.all([a.close(), b.close()])
    const stranger = await create('x', { bind: b.bound })

    const back = await again(a)
    const { errors, joined } = await back.rejoin()
    expect(joined).toBe(0)
    expect(errors).toEqual([
      {
        seed: `b/${seed(b)}`,
        error: expect.objectContaining({
          code: 'GOSSIP_STRANGER',
          message: expect.stringContaining('expected: b'),
        }),
      },
    ])
    expect(living(stranger)).toEqual(['x'])
  })

  it('says which remembered peers are silent, and does not wait for them for ever', async () => {
    const [a, b] = [await withSnapshot('a'), await create('b')]
    await b.join([seed(a)])
    await vi.waitFor(() => expect(a.remembered()).toHaveLength(1), WAIT)
    await Promise.all([a.close(), b.close()])
    const back = await again(a)
    expect((await back.rejoin()).errors).toEqual([
      { seed: `b/${seed(b)}`, error: expect.objectContaining({ code: 'GOSSIP_UNREACHABLE' }) },
    ])
    expect((await back.rejoin({ signal: AbortSignal.abort() })).errors).toEqual([
      { seed: `b/${seed(b)}`, error: expect.objectContaining({ code: 'GOSSIP_ABORTED' }) },
    ])
  })

  it('writes its file when it meets somebody, not only at the end', async () => {
    const [a, b] = [await withSnapshot('a'), await create('b')]
    await b.join([seed(a)])
    const text = () => readFile(join(folder, 'a.peers'), 'utf8').catch(() => '')
    await vi.waitFor(async () => expect(await text()).toContain(`"address":"${seed(b)}"`), WAIT)
  })

  it('asks nobody without a snapshot', async () => {
    const a = await create('a')
    expect(a.remembered()).toEqual([])
    expect(await a.rejoin()).toEqual({ joined: 0, errors: [] })
  })
})

describe('a member that admits only its own kind', () => {
  /** As a ring of another shape would be noticed: by a tag. */
  const only =
    (kind: string): Admit =>
    ({ tags }) =>
      tags['k'] === kind ? undefined : `it is of kind ${tags['k']}, not ${kind}`
  const kind = (name: string, of: string) =>
    create(name, { tags: { v: '1', i: name, k: of }, admit: only(of) })

  it('joins its own kind', async () => {
    const [a, b] = [await kind('a', 'red'), await kind('b', 'red')]
    expect(await b.join([seed(a)])).toEqual({ joined: 1, errors: [] })
  })

  it('does not join another cluster, and both sides say why', async () => {
    const [a, b] = [await kind('a', 'red'), await kind('b', 'blue')]
    const { errors, joined } = await b.join([seed(a)])
    expect(joined).toBe(0)
    expect(errors[0]?.error).toMatchObject({
      code: 'GOSSIP_CLUSTER_MISMATCH',
      details: { member: 'a', reason: 'it is of kind red, not blue', peer: seed(a) },
    })
    await vi.waitFor(
      () =>
        expect(logs).toContainEqual(
          expect.stringMatching(
            /^a warn a peer refuses our cluster .*b does not join: it is of kind red/,
          ),
        ),
      WAIT,
    )
    expect(living(a)).toEqual(['a'])
    expect(living(b)).toEqual(['b'])
  })

  it('turns a state away whose members do not fit, with the reason', async () => {
    const a = await kind('a', 'red')
    const careless = await create('b', { tags: { v: '1', i: 'b', k: 'blue' } })
    const { errors } = await careless.join([seed(a)])
    expect(errors[0]?.error).toMatchObject({
      code: 'GOSSIP_REMOTE_ERROR',
      details: { said: 'b may not join: it is of kind blue, not red' },
    })
    expect(living(a)).toEqual(['a'])
    expect(a.stats().foreignStates).toBe(1)
    expect(logs).toContainEqual(
      expect.stringMatching(/^a warn the state of another cluster was refused/),
    )
  })

  it('drops the record of a stray, and keeps the rest of the state', async () => {
    const careless = await create('x', { tags: { v: '1', i: 'x', k: 'red' } })
    const stray = await create('y', { tags: { v: '1', i: 'y', k: 'blue' } })
    await stray.join([seed(careless)])
    const refused: string[] = []
    const a = await kind('a', 'red')
    a.on('refused', ({ subject, reason }) => refused.push(`${subject}: ${reason}`))
    expect(await a.join([seed(careless)])).toEqual({ joined: 1, errors: [] })
    expect(living(a)).toEqual(['a', 'x'])
    expect(refused).toContain('y: it is of kind blue, not red')
  })

  it('does not judge members of other programs', async () => {
    const a = await kind('a', 'red')
    const foreign = await create('agent', { tags: { role: 'web' } })
    expect(await foreign.join([seed(a)])).toEqual({ joined: 1, errors: [] })
    await vi.waitFor(() => expect(living(a)).toEqual(['a', 'agent']), WAIT)
  })
})
