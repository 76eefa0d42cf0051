import { loadOptions } from '../../config/load.ts'
import { resolveConfig } from '../../config/resolve.ts'

/** `ringway config check FILE`. @throws NodeError with every fault. */
export function checkConfigFile(file: string): void {
  const config = resolveConfig(loadOptions({ file }), file)
  const pools = config.pools.map(({ name, protocol }) => `${name} (${protocol})`).join(', ')
  console.log(`${file} is good: member ${config.name}, pools ${pools}`)
}
