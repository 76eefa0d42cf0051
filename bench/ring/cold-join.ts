// Run by `speed.ts` in a process of its own: the first join of a process, with code that is not compiled and memory that
// was never touched. Prints milliseconds.

import { createRing } from '@ringway/ring'
import { addresses, asNodes } from './subjects.ts'

const base = createRing(asNodes(addresses(1000)))
const before = performance.now()
base.with({ id: 'joining' })
console.log(performance.now() - before)
