// @ringway/ring beside npm hashring (its cache off) and npm consistent-hash: answers first, then figures.

import { missingOwners, report } from '../harness.ts'
import { checkAnswers } from './answers.ts'
import { measureMemory } from './memory.ts'
import { measureBalance, measureMovement } from './quality.ts'
import { measureBuilds, measureLookUps, measureUpdates } from './speed.ts'

checkAnswers()
report('ring', [
  ...measureLookUps(),
  ...measureBuilds(),
  ...measureUpdates(),
  ...measureBalance(),
  ...measureMovement(),
  ...measureMemory(),
])
if (missingOwners() > 0) throw new Error('a look-up found no owner')
