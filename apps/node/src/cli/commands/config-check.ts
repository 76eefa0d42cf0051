import { environmentTable } from '../../config/environment.ts'
import { loadOptions } from '../../config/load.ts'
import { withLines } from '../../config/locate.ts'
import { resolveConfig } from '../../config/resolve.ts'
import { configWarnings, exposedSecrets } from '../../config/warnings.ts'

/**
 * `ringway config check FILE`: the file with what the environment sets over it, as `ringway start` would read it.
 * @throws NodeError with every fault
 */
export function checkConfigFile(file: string): void {
  const environment = process.env
  const config = (() => {
    try {
      return resolveConfig(loadOptions({ file, environment }), file)
    } catch (error) {
      throw withLines(error, file)
    }
  })()
  const warnings = [...configWarnings(config), ...exposedSecrets(file, loadOptions({ file }))]
  for (const warning of warnings) console.log(`${file}: warning: ${warning}`)
  const variables = environmentTable()
    .map(({ variable }) => variable)
    .filter((variable) => (environment[variable] ?? '') !== '')
  if (variables.length > 0) console.log(`over the file: ${variables.join(', ')}`)
  const pools = config.pools.map(({ name, protocol }) => `${name} (${protocol})`).join(', ')
  console.log(`${file} is good: member ${config.name}, pools ${pools}`)
}
