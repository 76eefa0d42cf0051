/** SIGHUP asks for a reload. One that comes before the node serves is kept until it does. */
export class ReloadRequests {
  #asked = false
  #reload: (() => Promise<void>) | undefined

  constructor() {
    process.on('SIGHUP', () => this.#ask())
  }

  /** @param reload - Must not reject. */
  serve(reload: () => Promise<void>): void {
    this.#reload = reload
    if (this.#asked) void reload()
  }

  #ask(): void {
    if (this.#reload) void this.#reload()
    else this.#asked = true
  }
}
