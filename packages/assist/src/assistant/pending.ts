/** Work that was begun and not waited for yet. What fails is told to whoever waits next. */
export class Pending {
  #all: Promise<unknown>[] = []

  add(work: Promise<unknown>): void {
    work.catch(() => undefined)
    this.#all.push(work)
  }

  async settled(): Promise<void> {
    while (this.#all.length > 0) {
      const now = this.#all
      this.#all = []
      await Promise.all(now)
    }
  }
}
