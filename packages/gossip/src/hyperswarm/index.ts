export {
  createSwarmDiscovery,
  type Swarm,
  type SwarmConnection,
  type SwarmDiscovery,
  type SwarmOptions,
} from './swarm-discovery.ts'
