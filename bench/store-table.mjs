// What the store's table costs: bytes per key of the process, and operations per second on one core.
// Run: npx tsc -b packages/store && node --expose-gc bench/store-table.mjs [keys]
import { createEntryTable } from '@ringway/store'

const KEYS = Number(process.argv[2] ?? 1_000_000)
const KEY_BYTES = 20
const VALUE_BYTES = 64
const SLOTS = 16_384

const key = new Uint8Array(KEY_BYTES)
const keyView = new DataView(key.buffer)
const value = new Uint8Array(VALUE_BYTES).fill(7)
// Spreads the keys over the slots as CRC16 would, at no cost that the measurement would see.
const slotOf = (i) => (Math.imul(i, 0x9e3779b1) >>> 18) % SLOTS

function memory() {
  globalThis.gc?.()
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage()
  return { rss, heapUsed, arrayBuffers }
}

/** CPU time of this process in microseconds: steadier than a clock where cores are shared. */
function cpuUs() {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Runs `step` for every key in an order that caches cannot foresee, and reports CPU per step and the slowest step. */
function timed(name, step) {
  let slowestMs = 0
  const stride = 7_919
  const start = cpuUs()
  for (let n = 0, i = 0; n < KEYS; n++, i = (i + stride) % KEYS) {
    keyView.setUint32(0, i)
    keyView.setUint32(8, Math.imul(i, 0x85ebca6b))
    const before = n % 16 === 0 ? performance.now() : 0
    step(i)
    if (before > 0) slowestMs = Math.max(slowestMs, performance.now() - before)
  }
  const us = cpuUs() - start
  const rate = ((KEYS / us) * 1e6).toFixed(0).padStart(9)
  const each = ((us * 1000) / KEYS).toFixed(0).padStart(5)
  console.log(
    `${name.padEnd(24)} ${rate} op/s  ${each} ns/op  slowest of every 16th ${slowestMs.toFixed(2)} ms by the clock`,
  )
}

const before = memory()
const table = createEntryTable({ maxBytes: 4 * 1024 ** 3 })
const fields = { value, version: 1, writer: 1, expireAt: 0, removed: false }
timed('put, new key', (i) => table.put(slotOf(i), key, fields))
const after = memory()
const perKey = (name) => ((after[name] - before[name]) / KEYS).toFixed(1)
console.log(`
${KEYS} keys of ${KEY_BYTES} bytes, values of ${VALUE_BYTES}
  resident      ${perKey('rss')} bytes per key, ${(perKey('rss') - KEY_BYTES - VALUE_BYTES).toFixed(1)} overhead
  table.bytes   ${(table.bytes / KEYS).toFixed(1)} bytes per key, ${(table.bytes / KEYS - KEY_BYTES - VALUE_BYTES).toFixed(1)} overhead
  V8 heap       ${perKey('heapUsed')} bytes per key
`)
let found = 0
timed('find', (i) => {
  if (table.find(slotOf(i), key) >= 0) found++
})
timed('find and view the value', (i) => {
  found += table.valueOf(table.find(slotOf(i), key)).length === VALUE_BYTES ? 1 : 0
})
if (found !== KEYS * 2) throw new Error(`found ${found}`)
timed('put, same length', (i) => table.put(slotOf(i), key, fields))
const longer = { ...fields, value: new Uint8Array(VALUE_BYTES + 20) }
timed('put, other length', (i) => table.put(slotOf(i), key, longer))
const expiring = { ...longer, expireAt: 1 }
timed('put, with an expiry', (i) => {
  expiring.expireAt = 1e12 + (Math.imul(i, 0x9e3779b1) >>> 0)
  table.put(slotOf(i), key, expiring)
})
console.log(`table.bytes after rewriting ${(table.bytes / KEYS).toFixed(1)} bytes per key`)
timed('erase', (i) => table.erase(slotOf(i), key))
console.log(`table.bytes when emptied    ${(table.bytes / 1024).toFixed(0)} KiB`)
if (table.liveCount !== 0) throw new Error(`${table.liveCount} left`)

// One hot slot: the case in which an index that rehashes as a whole would stall.
timed('put, new key, one slot', () => table.put(5, key, fields))
const start = performance.now()
table.clearSlot(5)
console.log(`clearSlot of ${KEYS} keys: ${(performance.now() - start).toFixed(2)} ms`)
