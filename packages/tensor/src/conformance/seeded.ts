/** Random choices from one integer, the same everywhere: a counter mixed as MurmurHash3 finalises (Appleby). */
export class Seeded {
  #state: number
  constructor(seed: number) {
    this.#state = Math.imul(seed, 0x9e3779b9) | 0
  }
  word(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0
    let x = this.#state
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
    return (x ^ (x >>> 16)) >>> 0
  }
  /** least <= integer < end */
  between(least: number, end: number): number {
    return least + (this.word() % (end - least))
  }
  chance(percent: number): boolean {
    return this.between(0, 100) < percent
  }
  pick<T>(from: readonly T[]): T {
    return from[this.between(0, from.length)]!
  }
}
