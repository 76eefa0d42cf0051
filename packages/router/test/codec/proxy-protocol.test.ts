import { describe, expect, test } from 'vitest'
import { PARSED } from '../../src/codec/http1/fault.ts'
import { PROXY_V2_BYTES_MAX, ProxyProtocol } from '../../src/codec/proxy-protocol.ts'

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')

function v2(command: number, family: number, body: Buffer, length = body.length): Buffer {
  const header = Buffer.alloc(4)
  header[0] = command
  header[1] = family
  header.writeUInt16BE(length, 2)
  return Buffer.concat([SIGNATURE, header, body])
}

function parse(bytes: Buffer) {
  const reader = new ProxyProtocol()
  return { to: reader.parse(bytes, 0, bytes.length), ip: reader.clientIp }
}

const IPV4 = Buffer.from([192, 0, 2, 7, 10, 0, 0, 1, 0x30, 0x39, 0x01, 0xbb])
const IPV6 = Buffer.from(`20010db8${'00'.repeat(11)}05${'00'.repeat(16)}303901bb`, 'hex')

describe('the PROXY protocol', () => {
  test.each([
    ['PROXY TCP4 192.0.2.7 10.0.0.1 12345 443\r\n', '192.0.2.7'],
    ['PROXY TCP6 2001:db8::5 ::1 12345 443\r\n', '2001:db8::5'],
    ['PROXY UNKNOWN\r\n', ''],
    ['PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n', ''],
  ])('version 1: %j', (line, ip) => {
    expect(parse(Buffer.from(`${line}GET`))).toEqual({ to: line.length, ip })
    for (let length = 1; length < line.length; length++)
      expect(parse(Buffer.from(line.slice(0, length))).to).toBe(PARSED.needMore)
  })

  test.each([
    ['TCP over IPv4', v2(0x21, 0x11, IPV4), '192.0.2.7'],
    [
      'TCP over IPv4 with TLVs',
      v2(0x21, 0x11, Buffer.concat([IPV4, Buffer.alloc(40)])),
      '192.0.2.7',
    ],
    ['TCP over IPv6', v2(0x21, 0x21, IPV6), '2001:db8::5'],
    ['a check of the balancer itself', v2(0x20, 0x00, Buffer.alloc(0)), ''],
  ])('version 2: %s', (_name, bytes, ip) => {
    expect(parse(Buffer.concat([bytes, Buffer.from('GET')]))).toEqual({ to: bytes.length, ip })
    for (let length = 1; length < bytes.length; length++)
      expect(parse(bytes.subarray(0, length)).to).toBe(PARSED.needMore)
  })

  test.each([
    ['a request without a header', Buffer.from('GET / HTTP/1.1\r\n')],
    ['a bare LF', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n')],
    ['an address that is none', Buffer.from('PROXY TCP4 1.2.3.400 1.2.3.4 1 2\r\n')],
    ['a line above 107 bytes', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(107)}`)],
    ['another version', v2(0x31, 0x11, IPV4)],
    ['another command', v2(0x22, 0x11, IPV4)],
    ['too few address bytes', v2(0x21, 0x11, IPV4.subarray(0, 8))],
    ['more than PROXY_V2_BYTES_MAX', v2(0x21, 0x11, IPV4, PROXY_V2_BYTES_MAX + 1)],
    ['a broken signature', Buffer.from('0d0a0d0a010d0a515549540a21110000', 'hex')],
  ])('refuses %s', (_name, bytes) => {
    expect(parse(bytes).to).toBe(PARSED.fault)
  })
})
