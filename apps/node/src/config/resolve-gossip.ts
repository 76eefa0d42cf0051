import { NodeError } from '../errors.ts'
import { formatHostPort, type HostPort, isLoopback, requireHostPort } from './address.ts'
import type { GossipConfig } from './config.ts'
import type { NodeOptions } from './options.ts'

/** The section `gossip` with the defaults of the schema in place. */
export type FilledGossip = {
  readonly [K in keyof NonNullable<NodeOptions['gossip']>]-?: NonNullable<
    NonNullable<NodeOptions['gossip']>[K]
  >
}

/** In place of a path: known peers are not kept. */
export const SNAPSHOT_OFF = 'off'

/** Checks what the schema cannot say about the section `gossip`. */
export function resolveGossip(
  gossip: FilledGossip | { readonly advertise?: string; readonly snapshot?: string },
  source: string,
): GossipConfig {
  const filled = gossip as FilledGossip
  const bind = requireHostPort(filled.bind)
  return {
    bind,
    ...(gossip.advertise === undefined
      ? {}
      : { advertise: resolveAdvertise(gossip.advertise, bind, source) }),
    ...(gossip.snapshot === undefined || gossip.snapshot === SNAPSHOT_OFF
      ? {}
      : { snapshot: gossip.snapshot }),
    join: filled.join,
    keys: filled.encrypt.map((key) => new Uint8Array(Buffer.from(key, 'base64'))),
    label: filled.label,
    delegate: filled.delegate,
  }
}

function resolveAdvertise(text: string, bind: HostPort, source: string) {
  const { host, port } = requireHostPort(text, 0)
  if (isLoopback(host) && !isLoopback(bind.host))
    throw new NodeError(
      'CONFIG_INVALID',
      `${source}: gossip.advertise: found ${text}, which only this machine can reach, while gossip binds ${formatHostPort(bind)}; allowed: an address that the other members can reach`,
    )
  return port === 0 ? { host } : { host, port }
}
