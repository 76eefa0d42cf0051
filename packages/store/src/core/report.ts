import type { Machine } from './machine.ts'
import type { StoreStatus } from './status.ts'
import { CAMPAIGNING, NOBODY, SELF, SERVING } from './view.ts'

/** Whether every owner of the slot has a confirmed copy, and there are as many owners as copies are wanted. */
function isReplicated(machine: Machine, slot: number): boolean {
  const { view } = machine
  for (let i = slot * view.replicas; i < (slot + 1) * view.replicas; i++) {
    const owner = view.owners[i] ?? NOBODY
    if (owner === NOBODY) return false
    if (owner === SELF ? !view.holds(SELF, slot) : !isCopy(machine, owner, slot)) return false
  }
  return true
}

function isCopy(machine: Machine, owner: number, slot: number): boolean {
  const peer = machine.view.peers[owner]
  return peer?.up === true && peer.synced && machine.view.holds(owner, slot)
}

/** O(slots). */
export function isSafe(machine: Machine): boolean {
  const { view } = machine
  for (let slot = 0; slot < view.slotCount; slot++) {
    if (view.role[slot] === SERVING ? !isReplicated(machine, slot) : isUnsettled(machine, slot))
      return false
  }
  return true
}

/** A slot that this member should have, or serve, and does not yet. */
function isUnsettled(machine: Machine, slot: number): boolean {
  const { view } = machine
  if (view.role[slot] === CAMPAIGNING) return true
  return view.owns(SELF, slot) && !view.holds(SELF, slot)
}

/** O(slots). */
export function reportStatus(machine: Machine): StoreStatus {
  const { view, entries, commands, writes, gathers, pushes, counters } = machine
  let owned = 0
  let held = 0
  let acting = 0
  let promoting = 0
  let filling = 0
  let underReplicated = 0
  let unserved = 0
  for (let slot = 0; slot < view.slotCount; slot++) {
    const owns = view.owns(SELF, slot)
    const holds = view.holds(SELF, slot)
    if (owns) owned++
    if (holds) held++
    if (owns && !holds) filling++
    const role = view.role[slot]
    if (role === CAMPAIGNING) promoting++
    if (role === SERVING) {
      acting++
      if (!isReplicated(machine, slot)) underReplicated++
    } else if (!view.isUp(view.claimant[slot] ?? NOBODY)) unserved++
  }
  return {
    slots: view.slotCount,
    owned,
    held,
    acting,
    promoting,
    filling,
    underReplicated,
    leftOver: pushes.leftOver,
    unserved,
    safe: isSafe(machine),
    entries: entries.table.liveCount,
    bytes: entries.table.bytes,
    maxBytes: entries.table.maxBytes,
    pendingCommands: commands.size + gathers.size,
    pendingWrites: writes.size,
    reachable: view.peers.filter((peer) => peer.index !== SELF && peer.up).map((peer) => peer.name),
    counters: { ...counters },
  }
}
