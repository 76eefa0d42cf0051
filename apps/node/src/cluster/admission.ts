import type { Admit } from '@ringway/gossip'
import { clusterIdentity, clusterTag } from './definitions.ts'
import { readTags } from './member-tags.ts'

/**
 * Keeps members apart whose rings have another shape: each would send keys to members that do not own them. Members of other
 * programs, and of releases that do not say what their ring is like, are let in.
 */
export function clusterAdmission(label: string): Admit {
  const ours = clusterTag(label)
  return ({ name, tags }) => {
    const theirs = readTags(tags)?.cluster
    if (theirs === undefined || theirs === ours) return undefined
    return `${name} has a ring of another shape (identity ${theirs}; ${ours} is ${clusterIdentity(label)}); all members need the same placement, points per weight and slots`
  }
}
