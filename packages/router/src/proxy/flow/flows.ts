import type { FlowName } from '../../plan/redis-command.ts'
import { kill, wait } from './everywhere.ts'
import type { Flow } from './flow.ts'
import { info } from './info.ts'
import { dbsize, keys } from './listed.ts'
import { publish } from './publish.ts'
import { pubsub } from './pubsub.ts'
import { randomkey } from './randomkey.ts'
import { scan } from './scan.ts'
import { script, scriptExists, scriptFlush, scriptLoad } from './script.ts'

/** The commands of several steps, by the name that the table gives them. */
export const FLOWS: Readonly<Record<FlowName, Flow>> = {
  dbsize,
  info,
  keys,
  kill,
  publish,
  pubsub,
  randomkey,
  scan,
  script,
  'script-exists': scriptExists,
  'script-flush': scriptFlush,
  'script-load': scriptLoad,
  wait,
}
