import type { HttpRequestView } from '../../src/plan/http/http-request-view.ts'
import type { HttpResponseView } from '../../src/plan/http/learned-session.ts'

/** Views of a head written as lines; the head is surrounded by other bytes, as in a read buffer. */
export function requestView(
  target: string,
  headers: readonly (readonly [string, string])[] = [],
  { host = 'app.example', clientIp = '10.1.2.3' } = {},
): HttpRequestView {
  const text = new HeadText()
  const [targetFrom, targetTo] = text.add(target)
  const [hostFrom, hostTo] = text.add(host)
  const offsets = headers.flatMap(([name, value]) => [...text.add(name), ...text.add(value)])
  return {
    bytes: text.bytes,
    targetFrom,
    targetTo,
    hostFrom,
    hostTo,
    headerCount: headers.length,
    headers: offsets,
    clientIp,
  }
}

export function responseView(headers: readonly (readonly [string, string])[]): HttpResponseView {
  const text = new HeadText()
  const offsets = headers.flatMap(([name, value]) => [...text.add(name), ...text.add(value)])
  return { bytes: text.bytes, headerCount: headers.length, headers: offsets }
}

class HeadText {
  #text = 'GET '

  add(part: string): readonly [number, number] {
    const from = this.#text.length
    this.#text += `${part}\r\n`
    return [from, from + part.length]
  }

  get bytes(): Uint8Array {
    return Buffer.from(this.#text, 'latin1')
  }
}
