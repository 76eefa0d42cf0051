import type { MemcachedCommand } from '../../plan/memcached/commands.ts'
import type { Backend } from '../backend.ts'
import { askBytes } from './ask.ts'
import type { Copied } from './copying.ts'

/** The row of the router's own commands. */
export const OWN_COMMAND: MemcachedCommand = {
  name: '',
  access: 'none',
  retry: 'never',
  run: { type: 'here', line: '' },
}

/** An item as it travels. */
export interface Item {
  readonly value: Buffer
  readonly flags: string
  /** As `ms` wants it: 0 for ever, seconds, or a time in seconds since 1970. */
  readonly expiry: number
}

/** From here on memcached takes an expiry for a time (REALTIME_MAXDELTA). */
const RELATIVE_MAX = 60 * 60 * 24 * 30
const REFUSAL_SHOWN_MAX = 120
const CRLF = Buffer.from('\r\n')
const CR = 0x0d

/**
 * Makes the item at `target` what it is at `source`; nobody may write it meanwhile. An item that was marked stale (`md … I`) is not
 * copied: who asks for it is told to renew it, once.
 * @throws LostAsk
 */
export async function copyItem(source: Backend, target: Backend, key: Buffer): Promise<Copied> {
  const reply = await askItem(source, key)
  const item = itemOf(reply)
  if (item !== undefined) {
    const stored = await store(target, key, item, '')
    if (stored === '') return { type: 'copied' }
    await removeItem(target, key)
    return { type: 'refused', text: stored }
  }
  await removeItem(target, key)
  const absent = startsWith(reply, 'EN') || startsWith(reply, 'VA ')
  return absent ? { type: 'absent' } : { type: 'refused', text: shown(reply) }
}

/**
 * Gives a target without the item a copy of it. What it got meanwhile is not overwritten.
 * @throws LostAsk
 */
export async function copyMissingItem(
  source: Backend,
  target: Backend,
  key: Buffer,
): Promise<void> {
  const item = itemOf(await askItem(source, key))
  if (item === undefined || (await store(target, key, item, ' ME')) !== '') return
  // Deleted by another router between the two: the copy must not bring it back.
  if (startsWith(await askItem(source, key), 'EN')) await removeItem(target, key)
}

/** @throws LostAsk */
export async function removeItem(backend: Backend, key: Buffer): Promise<void> {
  await askBytes(backend, OWN_COMMAND, encodeRemove(key))
}

/** Asks for an item with flags and time to live. */
export function encodeAsk(key: Buffer): Buffer {
  return line(isPlain(key) ? `mg ${plain(key)} f t v` : `mg ${encoded(key)} b f t v`)
}

/** Asks whether there is an item. */
export function encodeLook(key: Buffer): Buffer {
  return line(isPlain(key) ? `mg ${plain(key)}` : `mg ${encoded(key)} b`)
}

export function encodeRemove(key: Buffer): Buffer {
  return line(isPlain(key) ? `delete ${plain(key)}` : `md ${encoded(key)} b`)
}

/** Stores an item; `mode` is empty or a flag with a space before it. */
export function encodeStore(key: Buffer, { value, flags, expiry }: Item, mode: string): Buffer {
  const name = isPlain(key) ? `${plain(key)} ${value.length}` : `${encoded(key)} ${value.length} b`
  return Buffer.concat([line(`ms ${name} F${flags} T${expiry}${mode}`), value, CRLF])
}

function askItem(backend: Backend, key: Buffer): Promise<Buffer> {
  return askBytes(backend, OWN_COMMAND, encodeAsk(key))
}

/** Empty when the server has it; else what it said. */
async function store(backend: Backend, key: Buffer, item: Item, mode: string): Promise<string> {
  const reply = await askBytes(backend, OWN_COMMAND, encodeStore(key, item, mode))
  return startsWith(reply, 'HD') ? '' : shown(reply)
}

/** `VA <size> f<flags> t<ttl> …`, and the value. */
export function itemOf(reply: Buffer): Item | undefined {
  if (!startsWith(reply, 'VA ')) return undefined
  const lineEnd = reply.indexOf(CR)
  const words = reply.toString('latin1', 0, lineEnd).split(' ')
  const size = Number(words[1])
  const flags = words.find((word) => word.startsWith('f'))?.slice(1)
  const ttl = Number(words.find((word) => word.startsWith('t'))?.slice(1))
  const isStale = words.includes('X')
  if (isStale || flags === undefined || Number.isNaN(ttl)) return undefined
  const from = lineEnd + CRLF.length
  return { value: reply.subarray(from, from + size), flags, expiry: expiryOf(ttl) }
}

/** An item in its last second gets one more. */
function expiryOf(ttl: number): number {
  if (ttl < 0) return 0
  return ttl > RELATIVE_MAX ? Math.floor(Date.now() / 1_000) + ttl : Math.max(1, ttl)
}

function line(text: string): Buffer {
  return Buffer.from(`${text}\r\n`, 'latin1')
}

/** True for a key that can stand in a line as it is; any other one came in base64, and goes so. */
function isPlain(key: Buffer): boolean {
  return key.every((byte) => byte > 0x20 && byte !== 0x7f)
}

function plain(key: Buffer): string {
  return key.toString('latin1')
}

function encoded(key: Buffer): string {
  return key.toString('base64')
}

function startsWith(reply: Buffer, word: string): boolean {
  return reply.toString('latin1', 0, word.length) === word
}

function shown(reply: Buffer): string {
  return reply.toString('latin1').trim().slice(0, REFUSAL_SHOWN_MAX)
}
