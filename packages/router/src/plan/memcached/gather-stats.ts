/** How the numbers of several servers under one name become one; everything else is added up. */
const FOLDS: Readonly<Record<string, 'least' | 'most' | 'first'>> = {
  pid: 'first',
  uptime: 'least',
  time: 'most',
  version: 'first',
  libevent: 'first',
  pointer_size: 'first',
  accepting_conns: 'least',
  hash_power_level: 'most',
  hash_is_expanding: 'most',
  slab_reassign_running: 'most',
  lru_crawler_running: 'most',
  time_in_listen_disabled_us: 'most',
}

/** Settings are not added up: those of the first server are shown. */
const SETTING =
  /^(maxbytes|maxconns|tcpport|udpport|inter|verbosity|oldest|growth_factor|num_threads|item_size_max)$/
const WHOLE = /^\d{1,15}$/
const DECIMAL = /^\d{1,9}\.\d{1,6}$/

/**
 * One `stats` reply for a pool: counters are added up over its servers; `uptime` is the least, `time` the newest, words and
 * settings those of the first server. Names keep the order of the first server. O(bytes).
 */
export function gatherStats(replies: readonly Buffer[]): Buffer {
  const servers = replies.map(parse)
  const isSettings = servers[0]?.has('maxconns') === true && !servers[0]?.has('pid')
  const names = new Set(servers.flatMap((server) => [...server.keys()]))
  const lines: string[] = []
  for (const name of names) {
    const values = servers.map((server) => server.get(name)).filter((value) => value !== undefined)
    lines.push(`STAT ${name} ${isSettings ? values[0] : fold(name, values)}`)
  }
  return Buffer.from([...lines, 'END', ''].join('\r\n'), 'latin1')
}

function parse(reply: Buffer): Map<string, string> {
  const stats = new Map<string, string>()
  for (const line of reply.toString('latin1').split('\r\n')) {
    const match = /^STAT (\S+) ?(.*)$/.exec(line)
    if (match?.[1] !== undefined) stats.set(match[1], match[2] ?? '')
  }
  return stats
}

function fold(name: string, values: readonly string[]): string {
  const first = values[0] ?? ''
  const how = FOLDS[name] ?? (SETTING.test(name) ? 'first' : 'sum')
  const decimal = values.every((value) => DECIMAL.test(value))
  if (how === 'first' || !(decimal || values.every((value) => WHOLE.test(value)))) return first
  const numbers = values.map(Number)
  if (how === 'least') return String(Math.min(...numbers))
  if (how === 'most') return String(Math.max(...numbers))
  const sum = numbers.reduce((total, each) => total + each, 0)
  return decimal ? sum.toFixed(6) : String(sum)
}
