const PAGE_WORDS_BITS = 12
const PAGE_WORDS = 1 << PAGE_WORDS_BITS
const OFFSET_MASK = PAGE_WORDS - 1
/** What V8 keeps on its own heap for one page, roughly. */
const PAGE_HEAP_BYTES = 384

/** Bytes that one more page costs. */
export const CELL_PAGE_BYTES = PAGE_WORDS * 4 + PAGE_HEAP_BYTES

interface CellPage {
  readonly words: Uint32Array
  used: number
  /** Offset + 1 of the first block that was given back (they are chained through their first word), or 0. */
  firstFree: number
  /** Everything from here on was never given out. */
  fresh: number
}

/**
 * The memory of all index segments: blocks of a power of two words, each size in pages of its own, so that
 * tens of thousands of segments are a few typed arrays for the garbage collector. A reference is page × 4096 +
 * offset. Blocks of a page or more get a page of their size.
 */
export class CellArena {
  private readonly pages: (CellPage | undefined)[] = []
  private readonly freePlaces: number[] = []
  /** By the logarithm of the block size: places of the pages with room. */
  private readonly open: number[][] = Array.from({ length: PAGE_WORDS_BITS }, () => [])
  private total = 0

  get bytes(): number {
    return this.total
  }

  /** Bytes that the next block of that size adds. */
  growthBytes(words: number): number {
    if (words >= PAGE_WORDS) return pageCost(words)
    return this.openFor(words).length > 0 ? 0 : CELL_PAGE_BYTES
  }

  /** Takes a block of zeros. `words` is a power of two. */
  take(words: number): number {
    if (words >= PAGE_WORDS) return this.makePage(words, words) << PAGE_WORDS_BITS
    const open = this.openFor(words)
    const place = open.at(-1) ?? this.makePage(PAGE_WORDS, 0)
    if (open.length === 0) open.push(place)
    const page = this.pages[place] as CellPage
    const offset = takeFrom(page, words)
    if (isFull(page)) open.pop()
    return (place << PAGE_WORDS_BITS) | offset
  }

  /** The page of a block, and below where in it the block starts. */
  wordsOf(ref: number): Uint32Array {
    return (this.pages[ref >>> PAGE_WORDS_BITS] as CellPage).words
  }

  offsetOf(ref: number): number {
    return ref & OFFSET_MASK
  }

  give(ref: number, words: number): void {
    const place = ref >>> PAGE_WORDS_BITS
    const page = this.pages[place] as CellPage
    if (words >= PAGE_WORDS) {
      this.dropPage(place, words)
      return
    }
    const open = this.openFor(words)
    if (isFull(page)) open.push(place)
    const offset = ref & OFFSET_MASK
    page.words[offset] = page.firstFree
    page.firstFree = offset + 1
    page.used -= words
    if (page.used > 0) return
    open[open.indexOf(place)] = open.at(-1) as number
    open.pop()
    this.dropPage(place, PAGE_WORDS)
  }

  private openFor(words: number): number[] {
    return this.open[31 - Math.clz32(words)] as number[]
  }

  private makePage(words: number, used: number): number {
    const place = this.freePlaces.pop() ?? this.pages.length
    this.pages[place] = { words: new Uint32Array(words), used, firstFree: 0, fresh: used }
    this.total += pageCost(words)
    return place
  }

  private dropPage(place: number, words: number): void {
    this.pages[place] = undefined
    this.freePlaces.push(place)
    this.total -= pageCost(words)
  }
}

const pageCost = (words: number): number => words * 4 + PAGE_HEAP_BYTES

const isFull = (page: CellPage): boolean => page.firstFree === 0 && page.fresh === PAGE_WORDS

function takeFrom(page: CellPage, words: number): number {
  page.used += words
  if (page.firstFree === 0) {
    page.fresh += words
    return page.fresh - words
  }
  const offset = page.firstFree - 1
  page.firstFree = page.words[offset] as number
  page.words.fill(0, offset, offset + words)
  return offset
}
