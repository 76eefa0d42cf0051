import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LimitedLog } from '../../src/net/limited-log.ts'
import { PEER_MEMORY_MS, PEERS_REMEMBERED_MAX, SNAPSHOT_BYTES_MAX } from '../../src/net/limits.ts'
import { PeerBook, type RememberedPeer } from '../../src/net/peer-book.ts'
import { SnapshotFile } from '../../src/net/snapshot-file.ts'
import { formatSnapshot, parseSnapshot } from '../../src/net/snapshot-text.ts'

const NOW = Date.UTC(2026, 0, 31, 12)
const at = (port: number, host = '10.0.0.1') => ({ host, port })
const peer = (name: string, seenAt = NOW): RememberedPeer => ({ name, address: at(7946), seenAt })

describe('a peer book', () => {
  it('lists the latest seen first, and takes a new address of a name', () => {
    const book = new PeerBook()
    expect(book.see('a', at(1), NOW)).toBe(true)
    expect(book.see('b', at(2), NOW + 1)).toBe(true)
    expect(book.see('a', at(1), NOW + 2)).toBe(false)
    expect(book.see('b', at(3), NOW + 3)).toBe(true)
    expect(book.list(NOW + 3)).toEqual([
      { name: 'b', address: at(3), seenAt: NOW + 3 },
      { name: 'a', address: at(1), seenAt: NOW + 2 },
    ])
  })

  it('does not let old news replace newer', () => {
    const book = new PeerBook()
    book.see('a', at(2), NOW)
    expect(book.see('a', at(1), NOW - 1)).toBe(false)
    expect(book.list(NOW)).toEqual([{ name: 'a', address: at(2), seenAt: NOW }])
  })

  it('forgets who was not seen for 72 hours, to the millisecond', () => {
    const book = new PeerBook()
    book.see('old', at(1), NOW)
    expect(book.list(NOW + PEER_MEMORY_MS)).toHaveLength(1)
    expect(book.list(NOW + PEER_MEMORY_MS + 1)).toEqual([])
    expect(book.has('old')).toBe(false)
  })

  it('holds its maximum; one more pushes out who was not seen for the longest', () => {
    const book = new PeerBook()
    for (let index = 0; index < PEERS_REMEMBERED_MAX; index += 1)
      book.see(`p${index}`, at(1), NOW + index)
    expect(book.has('p0')).toBe(true)
    book.see('one more', at(1), NOW + PEERS_REMEMBERED_MAX)
    expect(book.has('p0')).toBe(false)
    expect(book.list(NOW)).toHaveLength(PEERS_REMEMBERED_MAX)
  })
})

describe('the text of a snapshot', () => {
  it('comes back as it went, for any names and addresses', () => {
    const peers = fc.uniqueArray(
      fc.record({
        name: fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }),
        address: fc.record({
          host: fc.oneof(fc.ipV4(), fc.ipV6()),
          port: fc.integer({ min: 1, max: 65_535 }),
        }),
        seenAt: fc.integer({ min: 0, max: NOW }),
      }),
      { selector: ({ name }) => name, maxLength: 20 },
    )
    fc.assert(
      fc.property(peers, fc.string(), (all, label) => {
        const text = formatSnapshot(label, all)
        expect(parseSnapshot(text, label, NOW)).toEqual({ type: 'peers', peers: all, badLines: 0 })
      }),
    )
  })

  it.each([
    ['nothing', ''],
    ['another file', 'root:x:0:0:root:/root:/bin/sh\n'],
    ['other JSON', '{"name":"x"}\n'],
    ['null', 'null\n'],
    ['a later version', '{"snapshot":"gossip-peers","version":2,"label":""}\n'],
    ['another label', '{"snapshot":"gossip-peers","version":1,"label":"other"}\n'],
  ])('is foreign when it is %s', (_what, text) => {
    expect(parseSnapshot(text, '', NOW).type).toBe('foreign')
  })

  it('loses only the lines that are not peers', () => {
    const head = formatSnapshot('', []).trimEnd()
    const good = '{"name":"a","address":"[fe80::1]:1","seen":"2026-01-31T11:00:00.000Z"}'
    const lines = [
      'rubbish',
      '[]',
      good.replace('"a"', '""'),
      good.replace('"a"', `"${'x'.repeat(256)}"`),
      good.replace('[fe80::1]:1', 'localhost:1'),
      good.replace('[fe80::1]:1', '999.1.1.1:1'),
      good.replace('[fe80::1]:1', '10.0.0.1:0'),
      good.replace('[fe80::1]:1', '10.0.0.1:65536'),
      good.replace('2026-01-31T11:00:00.000Z', 'yesterday'),
      good.slice(0, 40),
    ]
    expect(parseSnapshot([head, ...lines, good].join('\n'), '', NOW)).toEqual({
      type: 'peers',
      peers: [{ name: 'a', address: at(1, 'fe80::1'), seenAt: NOW - 3_600_000 }],
      badLines: lines.length,
    })
  })

  it('never throws, whatever the bytes', () => {
    const head = formatSnapshot('', [])
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.boolean(), (text, hasHead) => {
        parseSnapshot(hasHead ? head + text : text, '', NOW)
      }),
      { numRuns: 500 },
    )
  })

  it('takes no date from the future', () => {
    const text = formatSnapshot('', [peer('a', NOW + 1_000_000)])
    expect(parseSnapshot(text, '', NOW)).toMatchObject({ peers: [{ seenAt: NOW }] })
  })

  it('reads the maximum of peers and no more, and writes no more', () => {
    const many = Array.from({ length: PEERS_REMEMBERED_MAX + 1 }, (_, index) => peer(`p${index}`))
    const text = formatSnapshot('', many)
    expect(parseSnapshot(text, '', NOW)).toMatchObject({ badLines: 0 })
    const line = text.trimEnd().split('\n').at(-1)
    const content = parseSnapshot(`${text}${line}\n`, '', NOW)
    expect(content).toMatchObject({ badLines: 1, peers: { length: PEERS_REMEMBERED_MAX } })
  })
})

describe('a snapshot file', () => {
  let folder: string
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'snapshot-'))
  })
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  function open(path: string, label = '') {
    const lines: string[] = []
    const log = new LimitedLog(
      (level, message, details) => lines.push(`${level}: ${message} ${JSON.stringify(details)}`),
      () => 0,
    )
    const book = new PeerBook()
    const file = new SnapshotFile({ path, label, book, log, wallClock: () => NOW })
    return { book, file, lines }
  }

  it('keeps what was seen, in a folder that it makes, for its owner alone', async () => {
    const path = join(folder, 'state', 'ringway', 'a.peers')
    const first = open(path)
    await first.file.load()
    first.book.see('b', at(1), NOW)
    first.book.see('c', at(2), NOW)
    await first.file.close()
    await first.file.close()
    expect(first.lines).toEqual([])
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await readdir(join(folder, 'state', 'ringway'))).toEqual(['a.peers'])

    const second = open(path)
    await second.file.load()
    expect(second.book.list(NOW)).toEqual(first.book.list(NOW))
  })

  it('is written soon after a change, together with the changes that follow at once', async () => {
    const path = join(folder, 'a.peers')
    const { book, file } = open(path)
    book.see('b', at(1), NOW)
    file.touch()
    book.see('c', at(2), NOW)
    file.touch()
    const names = async () => (await readFile(path, 'utf8').catch(() => '')).match(/"[bc]"/g)
    await expect.poll(names).toEqual(['"c"', '"b"'])
    await file.close()
    file.touch()
  })

  it('replaces a half-written file of a killed process', async () => {
    const path = join(folder, 'a.peers')
    await writeFile(`${path}.tmp`, 'half', { mode: 0o666 })
    const { book, file } = open(path)
    book.see('b', at(1), NOW)
    await file.close()
    expect(await readdir(folder)).toEqual(['a.peers'])
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  it('says once what is wrong with a file that it cannot use, and goes on', async () => {
    const corrupt = join(folder, 'corrupt')
    await writeFile(corrupt, Buffer.from([0xff, 0xfe, 0, 1, 2]))
    const large = join(folder, 'large')
    await writeFile(large, Buffer.alloc(SNAPSHOT_BYTES_MAX + 1, 'x'))
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    const cases = [
      [corrupt, 'it is not a snapshot of gossip peers'],
      [large, `at most ${SNAPSHOT_BYTES_MAX}`],
      [pipe, 'it is not a regular file'],
      [folder, 'it is not a regular file'],
    ] as const
    for (const [path, why] of cases) {
      const { book, file, lines } = open(path)
      await file.load()
      expect(lines).toEqual([expect.stringContaining(why)])
      expect(lines[0]).toContain(path)
      expect(book.list(NOW)).toEqual([])
    }
  })

  it('reads a file of the greatest length', async () => {
    const path = join(folder, 'a.peers')
    const text = formatSnapshot('', [peer('b')])
    await writeFile(path, text.padEnd(SNAPSHOT_BYTES_MAX, '\n'))
    const { book, file } = open(path)
    await file.load()
    expect(book.has('b')).toBe(true)
  })

  it('says that it cannot be written, and tries again with the next change', async () => {
    const blocked = join(folder, 'blocked')
    await writeFile(blocked, '')
    const path = join(blocked, 'a.peers')
    const { book, file, lines } = open(path)
    book.see('b', at(1), NOW)
    file.touch()
    await expect.poll(() => lines).toEqual([expect.stringContaining('cannot be written')])
    expect(lines[0]).toContain(path)
    await rm(blocked)
    await file.close()
    expect(await readFile(path, 'utf8')).toContain('"b"')
  })
})
