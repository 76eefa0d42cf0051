/**
 * What members say to each other, decoded. Field meanings follow hashicorp/memberlist's message structs;
 * names are checked UTF-8 strings, addresses stay the bytes they came as, because peers compare them bytewise.
 */

/** An IP address exactly as it travels: 4 or 16 bytes, relayed untouched. */
export type AddressBytes = Uint8Array

/** Where a datagram or stream goes: numeric host (`127.0.0.1`, `::1`) and port. */
export interface Address {
  readonly host: string
  readonly port: number
}

/** `[PMin, PMax, PCur, DMin, DMax, DCur]`: always six bytes. */
export type Versions = Uint8Array

export interface Ping {
  readonly type: 'ping'
  readonly seq: number
  /** Name of the member that should answer; empty means whoever receives it. */
  readonly node: string
  readonly sourceAddress?: AddressBytes
  readonly sourcePort?: number
  readonly sourceNode?: string
}

export interface IndirectPing {
  readonly type: 'indirect-ping'
  readonly seq: number
  readonly target: AddressBytes
  readonly port: number
  readonly node: string
  /** True when the asker wants a nack if the target stays silent. */
  readonly nack: boolean
  readonly sourceAddress?: AddressBytes
  readonly sourcePort?: number
  readonly sourceNode?: string
}

export interface Ack {
  readonly type: 'ack'
  readonly seq: number
  readonly payload: Uint8Array
}

export interface Nack {
  readonly type: 'nack'
  readonly seq: number
}

export interface Suspect {
  readonly type: 'suspect'
  readonly incarnation: number
  readonly node: string
  readonly from: string
}

export interface Alive {
  readonly type: 'alive'
  readonly incarnation: number
  readonly node: string
  readonly address: AddressBytes
  readonly port: number
  readonly meta: Uint8Array
  readonly versions: Versions
}

/** `from === node` says that the member left by itself. */
export interface Dead {
  readonly type: 'dead'
  readonly incarnation: number
  readonly node: string
  readonly from: string
}

/** Opaque bytes of the application: one hop, best effort, never relayed by the machine. */
export interface User {
  readonly type: 'user'
  readonly payload: Uint8Array
}

/** Everything that fits in a datagram. */
export type Message = Ping | IndirectPing | Ack | Nack | Suspect | Alive | Dead | User

export type RemoteState = 'alive' | 'suspect' | 'dead' | 'left'

/** One row of a push/pull. */
export interface NodeState {
  readonly name: string
  readonly address: AddressBytes
  readonly port: number
  readonly meta: Uint8Array
  readonly incarnation: number
  readonly state: RemoteState
  readonly versions: Versions
}

/** One half of a push/pull exchange (anti-entropy). */
export interface StateExchange {
  readonly join: boolean
  readonly nodes: readonly NodeState[]
  readonly userState: Uint8Array
}
