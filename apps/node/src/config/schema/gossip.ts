import { hostPort, type OptionSchema } from './option.ts'

/** The section `gossip`. */
export const GOSSIP_SCHEMA: OptionSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    bind: hostPort('UDP and TCP address of the membership protocol.', '127.0.0.1:7946'),
    advertise: {
      type: 'string',
      description: 'Address told to others, `HOST` or `HOST:PORT`. Default: the bound address.',
      'x-format': 'advertise',
    },
    join: {
      type: 'array',
      description:
        "Seeds: members to join through, by address, by DNS (looked up again while the node runs), from a file (one per line, watched) or from a Hyperswarm topic (needs the package `hyperswarm`). A node without seeds, or one that lists its own address, founds the cluster when it finds none. Members that only name each other found one together once more than half of a member's seeds have answered. A node whose seeds do not answer waits.",
      items: { type: 'string', 'x-format': 'seed' },
      default: [],
    },
    snapshot: {
      type: 'string',
      description:
        'File that keeps the known peers over restarts, each for 72 hours after it was last seen; only this node may use it. A node asks them as it asks its seeds. Default: `off` for `createNode`; for `ringway start` the file `NAME-HOST-PORT.peers` (of `gossip.bind`) in `ringway` in `$XDG_STATE_HOME`, else in `~/.local/state`.',
      minLength: 1,
      'x-allowed': 'a path, or off',
    },
    encrypt: {
      type: 'array',
      description: 'Cluster keys, base64 of 16, 24 or 32 bytes; the first encrypts, all decrypt.',
      items: { type: 'string', 'x-format': 'key' },
      default: [],
    },
    label: {
      type: 'string',
      description: 'Label of the gossip cluster; members with another label are ignored.',
      maxLength: 255,
      default: '',
    },
    delegate: {
      type: 'string',
      description:
        'Delegate versions to announce: `plain` memberlist, or `serf` to share a cluster with Serf agents.',
      enum: ['plain', 'serf'],
      default: 'plain',
    },
  },
}
