// A program that is a peer: it joins the cluster, knows who owns a key, and shares the replicated store.
//   node dist/peer-in-ten-lines.js [GOSSIP] [SEED]      e.g. 127.0.0.1:7501 127.0.0.1:7400
import { createNode } from 'ringway'

const [gossip = '127.0.0.1:0', seed] = process.argv.slice(2)
const node = await createNode({
  name: `worker-${process.pid}`,
  gossip: { bind: gossip, join: seed ? [seed] : [] },
  logLevel: 'warn',
})
await node.store.set('greeting', `hello from ${node.name}`, { ttlMs: 60_000 })
console.log('greeting:', await node.store.get('greeting'))
console.log('members:', node.members.map(({ name }) => name).join(', '))
console.log(
  'user:42 is owned by',
  node.owners('user:42', 2).join(', then '),
  '- mine:',
  node.isMine('user:42'),
)
node.on('topology', ({ epoch }) => console.log('topology', epoch, node.members.length, 'members'))
process.once('SIGTERM', () => node.close())
