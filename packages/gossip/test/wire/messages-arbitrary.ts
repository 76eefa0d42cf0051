import fc from 'fast-check'
import type { Message, NodeState, StateExchange } from '../../src/core/messages.ts'

/** Names as members have them: any text without lone surrogates, at most 512 bytes. */
const names = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 })
const seqs = fc.integer({ min: 0, max: 0xffff_ffff })
const ports = fc.integer({ min: 0, max: 0xffff })
const addresses = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
)
const versions = fc.uint8Array({ minLength: 6, maxLength: 6 })
const metas = fc.uint8Array({ maxLength: 512 })

const source = fc.oneof(
  fc.constant({}),
  fc.record({
    sourceAddress: addresses,
    sourcePort: fc.integer({ min: 1, max: 0xffff }),
    sourceNode: names,
  }),
)

export const messages: fc.Arbitrary<Message> = fc.oneof(
  fc
    .tuple(fc.record({ type: fc.constant('ping' as const), seq: seqs, node: names }), source)
    .map(([ping, from]) => ({ ...ping, ...from })),
  fc
    .tuple(
      fc.record({
        type: fc.constant('indirect-ping' as const),
        seq: seqs,
        target: addresses,
        port: ports,
        node: names,
        nack: fc.boolean(),
      }),
      source,
    )
    .map(([ping, from]) => ({ ...ping, ...from })),
  fc.record({
    type: fc.constant('ack' as const),
    seq: seqs,
    payload: fc.uint8Array({ maxLength: 200 }),
  }),
  fc.record({ type: fc.constant('nack' as const), seq: seqs }),
  fc.record({
    type: fc.constantFrom('suspect' as const, 'dead' as const),
    incarnation: seqs,
    node: names,
    from: names,
  }),
  fc.record({
    type: fc.constant('alive' as const),
    incarnation: seqs,
    node: names,
    address: addresses,
    port: ports,
    meta: metas,
    versions,
  }),
  fc.record({
    type: fc.constant('user' as const),
    payload: fc.uint8Array({ maxLength: 300 }),
  }),
)

const rows: fc.Arbitrary<NodeState> = fc.record({
  name: names,
  address: addresses,
  port: ports,
  meta: metas,
  incarnation: seqs,
  state: fc.constantFrom('alive', 'suspect', 'dead', 'left'),
  versions,
})

export const exchanges: fc.Arbitrary<StateExchange> = fc.record({
  join: fc.boolean(),
  nodes: fc.array(rows, { maxLength: 8 }),
  userState: fc.uint8Array({ maxLength: 400 }),
})
