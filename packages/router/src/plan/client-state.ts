import type { RespVersion } from '../codec/resp/encode.ts'

/** What a client has said about itself. */
export interface ClientState {
  readonly id: number
  readonly address: string
  readonly localAddress: string
  /** Milliseconds since 1970 at which it connected. */
  readonly connectedAtMs: number
  readonly resp: RespVersion
  readonly name: string
  readonly libName: string
  readonly libVersion: string
  /** False until AUTH, where the listener has a password. */
  readonly authenticated: boolean
  readonly user: string
  /** CLIENT REPLY; `skip` is for the next command only. */
  readonly replies: 'on' | 'off' | 'skip'
  readonly noEvict: boolean
  /** Whether it subscribes, is inside MULTI, or waits in a blocking command. */
  readonly mode: 'plain' | 'subscriber' | 'transaction' | 'blocked'
}

/** What is known of a client that has said nothing yet. */
export const UNSPOKEN: Omit<
  ClientState,
  'id' | 'address' | 'localAddress' | 'connectedAtMs' | 'authenticated'
> = {
  resp: 2,
  name: '',
  libName: '',
  libVersion: '',
  user: 'default',
  replies: 'on',
  noEvict: false,
  mode: 'plain',
}

/** One line of CLIENT LIST, with Redis's names for what a proxy knows. */
export function describeClient(client: ClientState, nowMs: number): string {
  const flags = { plain: 'N', subscriber: 'P', transaction: 'x', blocked: 'b' }[client.mode]
  const { id, address, localAddress, name, user, resp, libName, libVersion } = client
  return [
    `id=${id} addr=${address} laddr=${localAddress} name=${name}`,
    `age=${Math.max(0, Math.floor((nowMs - client.connectedAtMs) / 1_000))} idle=0`,
    `flags=${flags}${client.noEvict ? 'e' : ''} db=0 user=${user} resp=${resp}`,
    `lib-name=${libName} lib-ver=${libVersion}`,
  ].join(' ')
}

/** Which clients CLIENT KILL and CLIENT LIST speak of; every given property has to fit. */
export interface ClientFilter {
  readonly ids?: ReadonlySet<number>
  readonly address?: string
  readonly localAddress?: string
  readonly user?: string
  readonly type?: 'normal' | 'pubsub' | 'master' | 'replica'
}

export function fits(client: ClientState, filter: ClientFilter): boolean {
  const { ids, address, localAddress, user, type } = filter
  if (ids !== undefined && !ids.has(client.id)) return false
  if (address !== undefined && address !== client.address) return false
  if (localAddress !== undefined && localAddress !== client.localAddress) return false
  if (user !== undefined && user !== client.user) return false
  return type === undefined || type === (client.mode === 'subscriber' ? 'pubsub' : 'normal')
}
