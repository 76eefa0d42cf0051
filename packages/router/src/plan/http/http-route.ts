import type { CookieSettings } from './cookie-settings.ts'
import type { Sticky } from './stickiness.ts'

/** Where requests go, and how their sessions stay there. Structured-cloneable. */
export interface HttpRoute {
  /** `shop.example`, or `*.shop.example`; absent: any. */
  readonly host?: string
  /** A prefix by whole segments; absent: any. */
  readonly path?: string
  /** May be named by a later topology: until then its requests get 503. */
  readonly pool: string
  /** Sources of the session key, as `parseSessionSource` reads them, in order. Absent: requests go by balance. */
  readonly key?: readonly string[]
  /** @defaultValue 'hash' */
  readonly sticky?: Sticky
  /** Of `pinned`. */
  readonly cookie?: Partial<CookieSettings>
}
