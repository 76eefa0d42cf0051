/** A beginning of keys, and what it leads to. */
export interface PrefixRoute {
  /** The first bytes of a key, byte by byte; empty: every key. */
  readonly prefix: Uint8Array
  readonly target: number
}

interface TrieNode {
  /** What the bytes up to here lead to; -1: nothing of their own. */
  target: number
  readonly next: (TrieNode | undefined)[]
}

/**
 * Finds the longest prefix of a key in a trie of bytes, so a look-up costs O(bytes of the longest prefix) whatever the number of
 * routes, and allocates nothing.
 *
 *   routes  u → 1,  user: → 2      key  user:7 → 2    key  us → 1    key  x → fallback
 */
export class PrefixTable {
  readonly #root: TrieNode = nodeFor(-1)
  readonly #fallback: number

  /** @param fallback what keys lead to that begin with no prefix. */
  constructor(routes: readonly PrefixRoute[], fallback: number) {
    this.#fallback = fallback
    for (const { prefix, target } of routes) this.#add(prefix, target)
  }

  /** What the key `bytes[from, to)` leads to. Hot. */
  find(bytes: Uint8Array, from: number, to: number): number {
    let node = this.#root
    let found = node.target < 0 ? this.#fallback : node.target
    for (let at = from; at < to; at++) {
      const next = node.next[bytes[at] as number]
      if (next === undefined) return found
      node = next
      if (node.target >= 0) found = node.target
    }
    return found
  }

  #add(prefix: Uint8Array, target: number): void {
    let node = this.#root
    for (const byte of prefix) {
      const next = node.next[byte] ?? nodeFor(-1)
      node.next[byte] = next
      node = next
    }
    node.target = target
  }
}

function nodeFor(target: number): TrieNode {
  return { target, next: new Array<TrieNode | undefined>(BYTES).fill(undefined) }
}

const BYTES = 256
