import type { PoolDriver, RoutedCommand } from '@ringway/router'
import { NodeError } from '../errors.ts'
import { type Reply, readReply } from './reply.ts'

/** The embedded store, for the program that the node runs in. Any member may be asked; the command runs where the key lives. */
export interface NodeStore {
  /** The value as text; null when there is none. */
  get(key: string): Promise<string | null>
  getBytes(key: string): Promise<Uint8Array | null>
  /** Resolves when as many members as the pool's `replicas` have the value. */
  set(key: string, value: string | Uint8Array, options?: { readonly ttlMs?: number }): Promise<void>
  /** True if there was a value. */
  delete(key: string): Promise<boolean>
  /**
   * Any command of the store with one key, as Redis has it: `command('INCRBY', 'hits', '1')`.
   * @throws StoreReplyError for an error reply.
   */
  command(name: string, key: string, ...args: readonly (string | Uint8Array)[]): Promise<Reply>
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function createNodeStore(driver: PoolDriver, isClosed: () => boolean): NodeStore {
  const command: NodeStore['command'] = (name, key, ...args) =>
    new Promise((resolve, reject) => {
      if (isClosed()) throw new NodeError('CLOSED', 'the node is closed')
      const routed: RoutedCommand = {
        name: name.toLowerCase(),
        args: [name, key, ...args].map((arg) =>
          typeof arg === 'string' ? encoder.encode(arg) : arg,
        ),
        keyIndex: 1,
        resp: 2,
      }
      const settle = (bytes: Uint8Array) => {
        try {
          resolve(readReply(bytes))
        } catch (error) {
          reject(error)
        }
      }
      driver.dispatch(routed, { reply: (_part, bytes) => settle(bytes) }, 0)
    })
  return {
    command,
    getBytes: async (key) => (await command('GET', key)) as Uint8Array | null,
    get: async (key) => {
      const value = (await command('GET', key)) as Uint8Array | null
      return value === null ? null : decoder.decode(value)
    },
    set: async (key, value, { ttlMs } = {}) => {
      await command(
        'SET',
        key,
        value,
        ...(ttlMs === undefined ? [] : ['PX', String(Math.ceil(ttlMs))]),
      )
    },
    delete: async (key) => (await command('DEL', key)) === 1,
  }
}
