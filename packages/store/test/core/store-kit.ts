import {
  createStore,
  type Store,
  type StoreEvent,
  type StoreMember,
  type StoreMessage,
  type StoreOptions,
} from '../../src/index.ts'

const START = 1_700_000_000_000
const encode = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))
const decode = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
const KEYLESS = new Set(['DBSIZE', 'FLUSHALL', 'FLUSHDB', 'KEYS', 'SCAN', 'RANDOMKEY'])

interface Letter {
  readonly from: string
  readonly to: string
  readonly message: StoreMessage
}

/** Machines side by side on one clock; messages wait until `deliver`. */
export class Bench {
  now = START
  readonly stores = new Map<string, Store>()
  readonly letters: Letter[] = []
  readonly events: [member: string, event: StoreEvent][] = []
  readonly replies = new Map<number, string>()
  #token = 0
  #seed = 1

  add(name: string, options: Partial<StoreOptions> = {}): Store {
    const store = createStore({
      name,
      instance: `${name}-1`,
      slotCount: 16,
      maxMemoryBytes: 16 * 1024 * 1024,
      random: (bound) => {
        this.#seed = (Math.imul(this.#seed, 48_271) >>> 0) % 2_147_483_647
        return this.#seed % bound
      },
      ...options,
    })
    this.stores.set(name, store)
    return store
  }

  out(name: string) {
    return {
      reply: (token: number, reply: Uint8Array) => {
        this.replies.set(token, decode(reply))
      },
      send: (to: string, message: StoreMessage) => {
        this.letters.push({ from: name, to, message: structuredClone(message) })
      },
      setTimer: () => undefined,
      notify: (event: StoreEvent) => {
        this.events.push([name, event])
      },
    }
  }

  store(name: string): Store {
    const store = this.stores.get(name)
    if (store === undefined) throw new Error(`no store ${name}`)
    return store
  }

  found(name: string): boolean {
    return this.store(name).found(this.now, this.out(name))
  }

  topology(
    names: readonly string[],
    states: Readonly<Record<string, StoreMember['state']>> = {},
  ): this {
    const members = names.map((name) => ({
      name,
      instance: `${name}-1`,
      state: states[name] ?? ('active' as const),
    }))
    for (const [name, store] of this.stores)
      if (names.includes(name)) store.topology({ members }, this.now, this.out(name))
    return this
  }

  link(a: string, b: string): this {
    this.store(a).linkUp(b, `${b}-1`, this.now, this.out(a))
    this.store(b).linkUp(a, `${a}-1`, this.now, this.out(b))
    return this.deliver()
  }

  unlink(a: string, b: string): this {
    for (let i = this.letters.length - 1; i >= 0; i--) {
      const letter = this.letters[i]
      if (letter !== undefined && [a, b].includes(letter.from) && [a, b].includes(letter.to))
        this.letters.splice(i, 1)
    }
    this.store(a).linkDown(b, this.now, this.out(a))
    this.store(b).linkDown(a, this.now, this.out(b))
    return this
  }

  deliver(allow: (letter: Letter) => boolean = () => true): this {
    for (let i = 0; i < 100_000; i++) {
      const at = this.letters.findIndex(allow)
      const letter = at === -1 ? undefined : this.letters.splice(at, 1)[0]
      if (letter === undefined) return this
      this.stores
        .get(letter.to)
        ?.receive(letter.from, letter.message, this.now, this.out(letter.to))
    }
    throw new Error('messages without end')
  }

  /** Time passes in steps of a tick, with everything delivered in between. */
  pass(ms: number, deliver = true): this {
    for (const until = this.now + ms; this.now < until; ) {
      this.now = Math.min(until, this.now + 20)
      for (const [name, store] of this.stores) store.tick(this.now, this.out(name))
      if (deliver) this.deliver()
    }
    return this
  }

  send(name: string, ...words: string[]): number {
    const token = ++this.#token
    const keyIndex = KEYLESS.has(words[0] ?? '') ? -1 : 1
    this.store(name).execute(
      { token, args: words.map(encode), keyIndex, resp: 2 },
      this.now,
      this.out(name),
    )
    return token
  }

  /** The reply after everything was delivered; '' when there is none yet. */
  ask(name: string, ...words: string[]): string {
    const token = this.send(name, ...words)
    this.deliver()
    return this.replies.get(token) ?? ''
  }

  /** Three members that hold their slots. */
  static three(options: Partial<StoreOptions> = {}): Bench {
    const bench = new Bench()
    for (const name of ['a', 'b', 'c']) bench.add(name, options)
    bench.found('a')
    bench.topology(['a', 'b', 'c'])
    return bench.link('a', 'b').link('a', 'c').link('b', 'c').pass(1_500)
  }
}
