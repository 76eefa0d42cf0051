/** Uniform draws from a seeded or system generator. */
export interface Random {
  /** An integer in [0, bound), for a bound from 1 to 2³². */
  below(bound: number): number
}

/*
 * PCG32 (O'Neill 2014, XSH-RR 64/32): a 64-bit congruential state, kept here as two 32-bit halves
 * because BigInt arithmetic is about a hundred times slower.
 */
const MULTIPLIER_HIGH = 0x5851f42d
const MULTIPLIER_LOW = 0x4c957f2d
const TWO_32 = 0x1_0000_0000

/** A seeded generator; equal seed and stream give equal draws on every machine. */
export class Pcg32 implements Random {
  readonly #incrementHigh: number
  readonly #incrementLow: number
  #high = 0
  #low = 0

  /**
   * @param seed - Any integer; the low 53 bits count.
   * @param stream - Independent sequences of one seed; the low 31 bits count.
   */
  constructor(seed: number, stream = 0) {
    this.#incrementHigh = (stream >>> 31) >>> 0
    this.#incrementLow = ((stream << 1) | 1) >>> 0
    this.#step()
    this.#add(Math.floor(seed / TWO_32) >>> 0, seed >>> 0)
    this.#step()
  }

  /** Uniform in [0, 2³²). */
  next(): number {
    const high = this.#high
    const low = this.#low
    this.#step()
    // ((state >> 18) ^ state) >> 27, low word
    const xorHigh = (high >>> 18) ^ high
    const xorLow = ((low >>> 18) | (high << 14)) ^ low
    const word = (xorLow >>> 27) | (xorHigh << 5)
    const turn = high >>> 27
    return ((word >>> turn) | (word << (-turn & 31))) >>> 0
  }

  /** An integer in [0, bound); `bound` at most 2³². The bias of bound/2³² is accepted for speed. */
  below(bound: number): number {
    return Math.floor(this.next() * (bound / TWO_32))
  }

  #step(): void {
    const low = this.#low
    const high = this.#high
    const lowHigh = mulHigh(low, MULTIPLIER_LOW)
    this.#low = Math.imul(low, MULTIPLIER_LOW) >>> 0
    this.#high = (lowHigh + Math.imul(high, MULTIPLIER_LOW) + Math.imul(low, MULTIPLIER_HIGH)) >>> 0
    this.#add(this.#incrementHigh, this.#incrementLow)
  }

  #add(high: number, low: number): void {
    const sum = this.#low + low
    this.#low = sum >>> 0
    this.#high = (this.#high + high + (sum >= TWO_32 ? 1 : 0)) >>> 0
  }
}

/** The upper 32 bits of a 32 × 32 bit product. */
function mulHigh(a: number, b: number): number {
  const aHigh = a >>> 16
  const aLow = a & 0xffff
  const bHigh = b >>> 16
  const bLow = b & 0xffff
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16)
  const carry = (middle & 0xffff) + aLow * bHigh
  return (aHigh * bHigh + Math.floor(middle / 0x10000) + Math.floor(carry / 0x10000)) >>> 0
}

/** A generator from a seed; streams of one seed are independent. */
export function pcg32(seed: number, stream = 0): Pcg32 {
  return new Pcg32(seed, stream)
}

/** An array, or a column of numbers. */
interface List<Item> {
  readonly length: number
  [index: number]: Item
}

/** Shuffles in place (Fisher–Yates). O(n). */
export function shuffle<Item>(items: List<Item>, random: Random): void {
  for (let last = items.length - 1; last > 0; last--) {
    const pick = random.below(last + 1)
    swap(items, last, pick)
  }
}

/** Below this many candidates per wanted item, drawing blindly repeats itself too often. */
const DENSE_FACTOR = 3

/**
 * Up to `count` distinct items that `accept` likes, in random order. Small lists are searched
 * exhaustively, so that what exists is found; long ones by at most 3 × length draws.
 */
export function sample<Item>(
  items: ArrayLike<Item>,
  count: number,
  accept: (item: Item) => boolean,
  random: Random,
): Item[] {
  return items.length < DENSE_FACTOR * count
    ? sampleDense(items, count, accept, random)
    : sampleSparse(items, count, accept, random)
}

function sampleDense<Item>(
  items: ArrayLike<Item>,
  count: number,
  accept: (item: Item) => boolean,
  random: Random,
): Item[] {
  const found = Array.from(items).filter(accept)
  const wanted = Math.min(count, found.length)
  for (let index = 0; index < wanted; index++) {
    swap(found, index, index + random.below(found.length - index))
  }
  found.length = wanted
  return found
}

function sampleSparse<Item>(
  items: ArrayLike<Item>,
  count: number,
  accept: (item: Item) => boolean,
  random: Random,
): Item[] {
  const found: Item[] = []
  for (let draw = 0; draw < 3 * items.length && found.length < count; draw++) {
    const item = items[random.below(items.length)]
    if (item !== undefined && !found.includes(item) && accept(item)) found.push(item)
  }
  return found
}

function swap<Item>(items: List<Item>, a: number, b: number): void {
  const held = items[a]
  const other = items[b]
  if (held === undefined || other === undefined) return
  items[a] = other
  items[b] = held
}
