// Be a member of a Ringway cluster from inside a program. Reading order: node.ts, cluster/cluster.ts, store/store-host.ts.

export type { TopologyEvent } from './cluster/cluster.ts'
export type { ClusterMember, MemberState } from './cluster/member-tags.ts'
export type { HostPort } from './config/address.ts'
export type { NodeOptions, PoolOptions } from './config/options.ts'
export { NODE_ERRORS, NodeError, type NodeErrorCode } from './errors.ts'
export type { OpenAddress } from './listeners/client-listeners.ts'
export { type CreateNodeTools, createNode, type NodeAddresses, type RingwayNode } from './node.ts'
export type { ReloadReport } from './reload/reloader.ts'
export type { NodeStore } from './store/node-store.ts'
export { type Reply, StoreReplyError } from './store/reply.ts'
