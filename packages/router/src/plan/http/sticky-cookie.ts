import { decodeBase64Url, encodeBase64Url } from './base64url.ts'
import { type Binding, GONE, NO_BINDING } from './stickiness.ts'

/** HMAC-SHA-256, 32 bytes: handed in, since this folder has no platform. */
export type Mac = (key: Uint8Array, message: Uint8Array) => Uint8Array

const VERSION = 1
const KEY_ID_BYTES = 4
const TAG_BYTES = 16
const TIME_BYTES = 4
const MAC_BYTES = 16
const TAG_AT = 1 + KEY_ID_BYTES
const TIME_AT = TAG_AT + TAG_BYTES
const MAC_AT = TIME_AT + TIME_BYTES
const COOKIE_BYTES = MAC_AT + MAC_BYTES

/** Length of every cookie value, in characters. */
export const STICKY_COOKIE_CHARACTERS = Math.ceil((COOKIE_BYTES * 8) / 6)

/** A cookie from a clock further ahead than this is not ours. */
const CLOCK_AHEAD_MS_MAX = 300_000
/** Keys that still open cookies, the newest included; the oldest go first. */
export const STICKY_KEYS_MAX = 16
/** Cookies whose MAC was found good and is not computed again. */
const VERIFIED_MAX = 8_192

const encoder = new TextEncoder()

export interface StickyCookieOptions {
  /** Part of every MAC: a cookie of one pool says nothing in another. */
  readonly pool: string
  /** How long a cookie is believed after its issue; it is renewed from half of that on. */
  readonly maxAgeMs: number
  readonly mac: Mac
}

interface StickyKey {
  readonly id: number
  readonly secret: Uint8Array
  /** When it stops opening cookies; infinite for listed ones. */
  validUntil: number
}

interface Verified {
  readonly key: StickyKey
  readonly tag: string
  readonly issuedAt: number
}

/**
 * Cookies that bind a session to a backend without saying which:
 *
 *   version 1 │ key id 4 │ backend = HMAC(key, pool ‖ 0 ‖ id) 16 │ issue time, seconds 4 │ MAC over all of it and the pool 16
 *
 * All routers with the same keys read each other's. A bad one is as good as none, whatever is wrong with it.
 */
export class StickyCookies {
  readonly #pool: string
  #maxAgeMs: number
  readonly #mac: Mac
  #keys: readonly StickyKey[] = []
  #backends: readonly string[] = []
  /** Backends by key id and tag. */
  #byTag = new Map<string, string>()
  /** Tags by backend, of the first key. */
  #tags = new Map<string, Uint8Array>()
  readonly #verified = new Map<string, Verified>()

  constructor(options: StickyCookieOptions) {
    this.#pool = options.pool
    this.#maxAgeMs = options.maxAgeMs
    this.#mac = options.mac
  }

  /** True once there is a key to sign with. */
  get canIssue(): boolean {
    return this.#keys.length > 0
  }

  /**
   * Takes the keys, of 32 bytes, the one that signs first. Keys that are no longer listed still open cookies for `maxAgeMs`:
   * rotating them loses no session.
   */
  setKeys(secrets: readonly Uint8Array[], now: number): void {
    const listed = secrets.map((secret): StickyKey => {
      return { id: this.#keyId(secret), secret, validUntil: Number.POSITIVE_INFINITY }
    })
    const known = new Set(listed.map(({ id }) => id))
    const old = this.#keys.filter(({ id, validUntil }) => !known.has(id) && validUntil > now)
    for (const key of old) key.validUntil = Math.min(key.validUntil, now + this.#maxAgeMs)
    this.#keys = [...listed, ...old].slice(0, STICKY_KEYS_MAX)
    this.#verified.clear()
    this.#index()
  }

  /** How long cookies are believed from now on, also those that were issued before. */
  setMaxAge(ms: number): void {
    this.#maxAgeMs = ms
  }

  /** Takes the ids of the pool's backends. O(keys × backends) MACs. */
  setBackends(ids: readonly string[]): void {
    this.#backends = ids
    this.#index()
  }

  /**
   * The value of a new cookie; undefined for a backend that is not in the pool, and without keys.
   * @param now milliseconds since 1970
   */
  issue(backend: string, now: number): string | undefined {
    const [key] = this.#keys
    const tag = this.#tags.get(backend)
    if (key === undefined || tag === undefined) return undefined
    const bytes = new Uint8Array(COOKIE_BYTES)
    const view = new DataView(bytes.buffer)
    bytes[0] = VERSION
    view.setUint32(1, key.id)
    bytes.set(tag, TAG_AT)
    view.setUint32(TIME_AT, Math.floor(now / 1_000))
    bytes.set(this.#macOf(key, bytes), MAC_AT)
    return encodeBase64Url(bytes)
  }

  /**
   * What a cookie says. One that was seen before costs a look-up, a new one a MAC.
   * @param now milliseconds since 1970
   */
  read(value: string, now: number): Binding {
    const seen = this.#verified.get(value) ?? this.#verify(value)
    if (seen === undefined) return NO_BINDING
    const age = now - seen.issuedAt
    if (age < -CLOCK_AHEAD_MS_MAX || age > this.#maxAgeMs || seen.key.validUntil <= now)
      return NO_BINDING
    const backend = this.#byTag.get(seen.tag)
    if (backend === undefined) return GONE
    const renew = seen.key !== this.#keys[0] || age >= this.#maxAgeMs / 2
    return { type: 'bound', backend, renew }
  }

  #verify(value: string): Verified | undefined {
    const bytes = decodeBase64Url(value, COOKIE_BYTES)
    if (bytes === undefined || bytes[0] !== VERSION) return undefined
    const view = new DataView(bytes.buffer)
    const id = view.getUint32(1)
    const key = this.#keys.find((known) => known.id === id)
    if (key === undefined || !equalBytes(this.#macOf(key, bytes), bytes, MAC_AT)) return undefined
    const verified = {
      key,
      tag: tagName(key.id, bytes.subarray(TAG_AT, TIME_AT)),
      issuedAt: view.getUint32(TIME_AT) * 1_000,
    }
    // Only genuine cookies come here, so that strangers cannot fill it; starting over is simpler than forgetting the oldest.
    if (this.#verified.size >= VERIFIED_MAX) this.#verified.clear()
    this.#verified.set(value, verified)
    return verified
  }

  #index(): void {
    this.#byTag = new Map()
    this.#tags = new Map()
    for (const [index, key] of this.#keys.entries())
      for (const backend of this.#backends) {
        const tag = this.#tagOf(key, backend)
        this.#byTag.set(tagName(key.id, tag), backend)
        if (index === 0) this.#tags.set(backend, tag)
      }
  }

  #keyId(secret: Uint8Array): number {
    const digest = this.#mac(secret, encoder.encode('ringway/sticky/key-id'))
    return new DataView(digest.buffer, digest.byteOffset).getUint32(0)
  }

  #tagOf(key: StickyKey, backend: string): Uint8Array {
    return this.#mac(key.secret, encoder.encode(`backend\0${this.#pool}\0${backend}`)).slice(
      0,
      TAG_BYTES,
    )
  }

  /** The first byte keeps these messages apart from those of {@link #tagOf}. */
  #macOf(key: StickyKey, cookie: Uint8Array): Uint8Array {
    const pool = encoder.encode(this.#pool)
    const message = new Uint8Array(MAC_AT + pool.length)
    message.set(cookie.subarray(0, MAC_AT))
    message.set(pool, MAC_AT)
    return this.#mac(key.secret, message).subarray(0, MAC_BYTES)
  }
}

function tagName(keyId: number, tag: Uint8Array): string {
  return `${keyId}.${encodeBase64Url(tag)}`
}

/** Takes equally long wherever they differ. */
function equalBytes(mac: Uint8Array, bytes: Uint8Array, at: number): boolean {
  let difference = 0
  for (let i = 0; i < MAC_BYTES; i++) difference |= (mac[i] as number) ^ (bytes[at + i] as number)
  return difference === 0
}
