import type { NodeEvent } from '../../event-log.ts'
import { type AdminClientOptions, openAdmin } from '../admin-client.ts'

/** Bytes of one event, at most; a longer line is no event. */
const LINE_CHARACTERS_MAX = 1_048_576

/** `ringway events`: what happened and what happens on a member, until Ctrl-C or until the member ends. */
export async function printEvents(
  options: AdminClientOptions & { readonly json?: boolean; readonly since?: number },
): Promise<void> {
  const { signal } = new AbortController()
  const path = `/v1/events?since=${options.since ?? 0}`
  const response = await openAdmin(path, options, { method: 'GET' }, signal)
  let rest = ''
  for await (const text of (response.body ?? new ReadableStream()).pipeThrough(
    new TextDecoderStream(),
  )) {
    const lines = (rest + text).split('\n')
    rest = (lines.pop() ?? '').slice(0, LINE_CHARACTERS_MAX)
    for (const line of lines)
      if (line.startsWith('data: ')) print(line.slice('data: '.length), options.json ?? false)
  }
}

function print(data: string, json: boolean): void {
  if (json) {
    console.log(data)
    return
  }
  const { at, type, facts } = JSON.parse(data) as NodeEvent
  const details = Object.entries(facts).map(([name, value]) => `${name}=${format(value)}`)
  console.log([at, type, ...details].join('  '))
}

function format(value: unknown): string {
  return typeof value === 'string' && /^\S+$/.test(value) ? value : JSON.stringify(value)
}
